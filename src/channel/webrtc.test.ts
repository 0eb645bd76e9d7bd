import { describe, expect, test } from 'vitest';
import { VirtualClock } from '../testing/virtual-clock.js';
import { Recorder } from '../testing/recorder.js';
import { fakeDataChannels, type FakeDataChannel } from './fixtures/data-channels.js';
import { webrtcBy, type PeerLike, type PeerOptions } from './webrtc.js';

const sdp = 'v=0\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n';

/** What simple-peer would do, told by the test. */
class FakePeer implements PeerLike {
  readonly rtc: FakeDataChannel;
  readonly _channel: NonNullable<PeerLike['_channel']>;
  readonly signals: unknown[] = [];
  readonly options: PeerOptions;
  destroyed = 0;
  onSignal: (signal: unknown) => void = (it) => this.signals.push(it);
  readonly #listeners = new Map<string, (value: never) => void>();

  constructor(options: PeerOptions) {
    this.options = options;
    [this.rtc] = fakeDataChannels({ event: true });
    this.rtc.readyState = 'connecting';
    const none = { onmessage: 1, onopen: 1, onclose: 1, onerror: 1, onbufferedamountlow: 1 };
    this._channel = Object.assign(this.rtc, none);
  }

  signal(data: unknown): void {
    this.onSignal(data);
  }

  destroy(): void {
    this.destroyed += 1;
  }

  on(event: string, listener: (value: never) => void): void {
    this.#listeners.set(event, listener);
  }

  tell(event: string, value?: unknown): void {
    // Each event has a value of its own type.
    this.#listeners.get(event)?.(value as never);
  }
}

function setup({ initiator = true, send = (): void => {} } = {}) {
  const clock = new VirtualClock();
  const made: FakePeer[] = [];
  let loads = 0;
  const direct = webrtcBy(
    async () => {
      loads += 1;
      return (options) => {
        const peer = new FakePeer(options);
        made.push(peer);
        return peer;
      };
    },
    { clock },
  );
  const attempt = direct({ initiator, peer: { address: 'them' }, send });
  /** The peer, once simple-peer is loaded. */
  const peer = async (): Promise<FakePeer> => {
    await clock.advance(0);
    const [first] = made;
    if (first === undefined) throw new Error('there is no peer');
    return first;
  };
  return { clock, attempt, made, peer, loads: () => loads };
}

test('nothing is loaded before an attempt', async () => {
  let loads = 0;
  webrtcBy(
    () => {
      loads += 1;
      return Promise.reject(new Error('not here'));
    },
    { clock: new VirtualClock() },
  );
  expect(loads).toBe(0);
});

test('a data channel that opens becomes the channel, without simple-peer’s listeners', async () => {
  const { attempt, peer, clock } = setup();
  const it = await peer();
  expect(it.options.config.iceServers).toEqual([]);
  expect([it._channel.onmessage, it._channel.onclose]).toEqual([null, null]);
  it.rtc.readyState = 'open';
  it.rtc.tell('open');
  const channel = await attempt.channel;
  expect(channel.peer).toEqual({ transport: 'webrtc', address: 'them' });
  expect(clock.pending).toBe(0);
  attempt.cancel();
  attempt.signal('rubbish');
  expect(it.destroyed).toBe(0);
  const recorder = new Recorder(channel);
  it.tell('error', new Error('Ice connection failed.'));
  await recorder.closed();
  expect(recorder.closes[0]?.message).toBe('Ice connection failed.');
  expect(it.destroyed).toBe(1);
});

test('signals that came while it was loaded are heard in order', async () => {
  const { attempt, peer } = setup({ initiator: false });
  const candidate = { candidate: 'candidate:1', sdpMLineIndex: 0, sdpMid: '0' };
  attempt.signal({ type: 'offer', sdp });
  attempt.signal({ type: 'candidate', candidate });
  const it = await peer();
  expect(it.signals).toEqual([
    { type: 'offer', sdp },
    { type: 'candidate', candidate },
  ]);
});

describe('an attempt fails', () => {
  test('in time', async () => {
    const { attempt, peer, clock } = setup();
    const it = await peer();
    await clock.advance(9_999);
    expect(it.destroyed).toBe(0);
    await clock.advance(1);
    await expect(attempt.channel).rejects.toMatchObject({ code: 'ERR_TIMEOUT' });
    expect([it.destroyed, clock.pending]).toEqual([1, 0]);
  });

  test('when it is cancelled', async () => {
    const { attempt, peer, clock } = setup();
    const it = await peer();
    attempt.cancel();
    await expect(attempt.channel).rejects.toMatchObject({ code: 'ERR_CANCELLED' });
    expect([it.destroyed, clock.pending]).toEqual([1, 0]);
  });

  test('and makes no peer when it is cancelled while simple-peer is loaded', async () => {
    const { attempt, clock, made } = setup();
    attempt.cancel();
    await clock.advance(0);
    expect(made).toEqual([]);
  });

  test('when simple-peer does', async () => {
    const { attempt, peer } = setup();
    const it = await peer();
    it.tell('error', new Error('Ice connection failed.'));
    await expect(attempt.channel).rejects.toMatchObject({
      code: 'ERR_CONNECT',
      cause: { message: 'Ice connection failed.' },
    });
  });

  test.each([
    ['when what comes is no signal', null],
    ['when simple-peer throws at a signal', { type: 'answer', sdp }],
  ])('%s', async (_, signal) => {
    const { attempt, peer } = setup();
    const it = await peer();
    it.onSignal = () => {
      throw new TypeError('no');
    };
    attempt.signal(signal);
    await expect(attempt.channel).rejects.toMatchObject({ code: 'ERR_CONNECT' });
    expect(it.destroyed).toBe(1);
  });

  test('when there are more signals than any attempt needs', async () => {
    const { attempt, peer } = setup();
    const it = await peer();
    const candidate = { candidate: 'candidate:1' };
    for (let i = 0; i < 1_000; i += 1) attempt.signal({ type: 'candidate', candidate });
    await expect(attempt.channel).rejects.toThrow('too many');
    expect(it.signals).toHaveLength(256);
  });

  test('when signals cannot be sent', async () => {
    const { attempt, peer } = setup({
      send: () => {
        throw new Error('no way');
      },
    });
    (await peer()).tell('signal', { type: 'offer', sdp });
    await expect(attempt.channel).rejects.toMatchObject({ cause: { message: 'no way' } });
  });

  test('when simple-peer cannot be loaded', async () => {
    const clock = new VirtualClock();
    const direct = webrtcBy(() => Promise.reject(new Error('not installed')), { clock });
    const { channel } = direct({ initiator: true, peer: {}, send: () => {} });
    await expect(channel).rejects.toMatchObject({ code: 'ERR_CONNECT' });
    expect(clock.pending).toBe(0);
  });
});
