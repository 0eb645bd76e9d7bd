import { afterEach, describe, expect, test, vi } from 'vitest';
import type { Channel } from '../src/channel/channel.js';
import { handshake, makeNonce } from '../src/channel/handshake.js';
import { listenWindows } from '../src/channel/window-listener.js';
import { windowChannel } from '../src/channel/window.js';
import { systemClock } from '../src/clock.js';
import { channelSuite } from '../src/testing/channel-suite.js';
import { Recorder, turns } from '../src/testing/recorder.js';
import { VirtualClock } from '../src/testing/virtual-clock.js';
import { elsewhere, frame, type Frame, widget } from './fixtures/frames.js';
import { dial, serve, sessionOf, windowPeer, windows } from './index.js';

const here = location.origin;
const frames: Frame[] = [];
const open = (...given: Parameters<typeof frame>): Frame => {
  const it = frame(...given);
  frames.push(it);
  return it;
};
afterEach(() => {
  for (const it of frames.splice(0)) it.element.remove();
});

interface Widget {
  add(a: number, b: number): Promise<number>;
  caller(): Promise<{ transport: string; origin: string }>;
  each(values: number[], callback: (value: number) => void): Promise<void>;
  never(): Promise<void>;
  sessions(): Promise<number>;
}

/** Listens in that scope for windows of these origins, and keeps what comes of it. */
function listen(scope: EventTarget, origins: readonly string[]) {
  const [channels, lines]: [Channel[], string[]] = [[], []];
  const warn = (line: string): void => void lines.push(line);
  const stop = listenWindows({ origins, scope, clock: systemClock, warn }, (channel) =>
    channels.push(channel),
  );
  return { channels, lines, stop };
}

/** A message as it arrives at a window, with a port. Returns the port's other end. */
function arrive(scope: EventTarget, origin: string, data: unknown): MessagePort {
  const { port1, port2 } = new MessageChannel();
  scope.dispatchEvent(new MessageEvent('message', { origin, data, ports: [port2] }));
  return port1;
}

describe('a channel between windows', () => {
  channelSuite({
    test,
    setup: async () => {
      const { window } = open('');
      const { channels, stop } = listen(window, [here]);
      const a = windowChannel(window, here);
      await vi.waitUntil(() => channels.length > 0, { interval: 1 });
      return { a, b: channels[0] ?? a, teardown: stop };
    },
  });

  test('each side knows the origin of the other', async () => {
    const { window } = open('');
    const { channels } = listen(window, [here]);
    const a = new Recorder(windowChannel(window, here));
    a.channel.write('{"n":1}\n');
    await vi.waitUntil(() => channels.length > 0, { interval: 1 });
    const peer = { transport: 'window', origin: here };
    expect([a.channel.peer, channels[0]?.peer]).toEqual([peer, peer]);
    a.channel.destroy();
    await a.closed();
  });
});

describe('windows of different origins', () => {
  test('an iframe that is still loading is called, and calls back', async () => {
    const { window } = open(widget(elsewhere, here));
    using remote = await dial<Widget>(windowPeer(window, elsewhere));
    expect(await remote.add(1, 2)).toBe(3);
    expect(await remote.caller()).toEqual({ transport: 'window', origin: here });
    expect(sessionOf(remote).peer).toMatchObject({ transport: 'window', origin: elsewhere });
    const got: number[] = [];
    await remote.each([1, 2, 3], (value) => got.push(value));
    await vi.waitUntil(() => got.length === 3, { interval: 1 });
    expect(got).toEqual([1, 2, 3]);
    // However often it had to ask.
    expect(await remote.sessions()).toBe(1);
  });

  test('a popup is called', async () => {
    const popup = window.open(widget(elsewhere, here));
    using remote = await dial<Widget>(windowPeer(popup, elsewhere));
    expect(await remote.add(2, 2)).toBe(4);
    popup?.close();
  });

  test('an iframe that is removed in a call ends it', async () => {
    const it = open(widget(elsewhere, here));
    using remote = await dial<Widget>(windowPeer(it.window, elsewhere));
    const call = remote.never();
    await remote.add(1, 1);
    it.element.remove();
    await expect(call).rejects.toMatchObject({ code: 'ERR_CONNECTION_LOST' });
  });

  test('who asks for another origin than the window has is never heard', async () => {
    const { window } = open(widget(elsewhere, here));
    using remote = await dial<Widget>(windowPeer(window, elsewhere));
    const clock = new VirtualClock();
    const wrong = new Recorder(windowChannel(window, 'https://widgets.example', { clock }));
    await clock.advance(30_000);
    await wrong.closed();
    expect(wrong.closes).toMatchObject([{ code: 'ERR_TIMEOUT' }]);
    expect(await remote.sessions()).toBe(1);
  });

  test('a window that serves other origins does not answer', async () => {
    const { window } = open(widget(elsewhere, 'https://app.example'));
    const dialling = dial<Widget>(windowPeer(window, elsewhere, { timeout: 1_000 }));
    await expect(dialling).rejects.toMatchObject({ code: 'ERR_TIMEOUT' });
  });

  test('a sandboxed frame, which has no origin, is refused, and named once', async () => {
    const { lines, channels, stop } = listen(window, [here]);
    const message = JSON.stringify(handshake('connect', makeNonce()));
    const ask = `parent.postMessage(${message}, '*', [new MessageChannel().port1]);`;
    open('', { sandbox: 'allow-scripts', srcdoc: `<script>${ask}${ask}</script>` });
    await vi.waitUntil(() => lines.length > 0, { interval: 1 });
    await turns(20);
    stop();
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain('without an origin');
    expect(channels).toEqual([]);
  });
});

describe('who dials a window', () => {
  /** A window that keeps what is posted to it. */
  const silent = () => {
    const posted: { at: number; message: unknown; target: string; port: MessagePort }[] = [];
    const clock = new VirtualClock();
    const target = {
      closed: false,
      postMessage(message: unknown, options: { targetOrigin: string; transfer: Transferable[] }) {
        const [port] = options.transfer;
        if (!(port instanceof MessagePort)) throw new Error('no port');
        posted.push({ at: clock.now(), message, target: options.targetOrigin, port });
      },
    };
    return { posted, clock, target };
  };

  test('asks again, ever more rarely, and gives up in time', async () => {
    const { posted, clock, target } = silent();
    const it = new Recorder(windowChannel(target, 'https://a.example', { clock, timeout: 3_000 }));
    await clock.advance(3_000);
    await it.closed();
    expect(posted.map(({ at }) => at)).toEqual([0, 50, 150, 350, 750, 1_550, 2_550]);
    expect(new Set(posted.map((each) => each.target))).toEqual(new Set(['https://a.example']));
    expect(new Set(posted.map(({ message }) => JSON.stringify(message))).size).toBe(1);
    expect(it.closes).toMatchObject([{ code: 'ERR_TIMEOUT' }]);
    expect(clock.pending).toBe(0);
  });

  test('takes the first answer that knows its nonce, over any of its ports', async () => {
    const { posted, clock, target } = silent();
    const it = new Recorder(windowChannel(target, 'https://a.example', { clock }));
    it.channel.write('{"early":1}\n');
    await clock.advance(400);
    const [first, second, third] = posted.map(({ port }) => port);
    for (const rubbish of [null, 'text', {}, handshake('connected', makeNonce()), [[]]]) {
      first?.postMessage(rubbish);
    }
    const got = new Promise<unknown>((resolve) => {
      if (second) second.onmessage = ({ data }) => resolve(data);
    });
    second?.postMessage({ ...Object(posted[0]?.message), dservice: 'connected' });
    third?.postMessage({ ...Object(posted[0]?.message), dservice: 'connected' });
    expect(await got).toBe('{"early":1}\n');
    second?.postMessage('{"answer":1}\n');
    first?.postMessage('{"wrong":1}\n');
    third?.postMessage('{"wrong":1}\n');
    await it.until(() => it.lines.length > 0);
    await clock.advance(5_000);
    expect([it.lines, it.closes, posted.length]).toEqual([['{"answer":1}'], [], 4]);
    it.channel.destroy();
    await it.closed();
    expect(clock.pending).toBe(0);
  });

  test('learns that the window is gone, before an answer and after it', async () => {
    for (const answered of [false, true]) {
      const { posted, clock, target } = silent();
      const it = new Recorder(windowChannel(target, 'https://a.example', { clock }));
      if (answered) {
        posted[0]?.port.postMessage({ ...Object(posted[0].message), dservice: 'connected' });
        await turns(5);
      }
      target.closed = true;
      await clock.advance(1_000);
      await it.closed();
      expect(it.closes).toMatchObject([answered ? undefined : { code: 'ERR_CONNECT' }]);
      expect(clock.pending).toBe(0);
    }
  });

  test('that takes no messages learns it at once', async () => {
    const target = {
      postMessage() {
        throw new Error('redundant');
      },
    };
    const it = new Recorder(windowChannel(target, 'https://a.example'));
    await it.closed();
    expect(it.closes).toMatchObject([{ code: 'ERR_CONNECT', cause: { message: 'redundant' } }]);
  });

  test('stops asking when it is closed', async () => {
    for (const end of ['close', 'destroy'] as const) {
      const { posted, clock, target } = silent();
      const it = new Recorder(windowChannel(target, 'https://a.example', { clock }));
      it.channel[end]();
      // For an answer that is on its way.
      await clock.advance(5_000);
      await it.closed();
      expect([posted.length, it.closes, clock.pending]).toEqual([1, [undefined], 0]);
    }
  });

  test.each([
    '*',
    'null',
    '',
    '/',
    'a.example',
    'https://a.example/',
    'HTTPS://a.example',
    here + '/x',
  ])('names an origin exactly: %j is none', async (origin) => {
    const wrong = expect.objectContaining({ code: 'ERR_OPTION' });
    expect(() => windowPeer(window, origin)).toThrow(wrong);
    await expect(serve({}, windows([here, origin]))).rejects.toThrow(wrong);
  });

  test('needs a window, and the origin of it', async () => {
    const wrong = expect.objectContaining({ code: 'ERR_OPTION' });
    expect(() => windowPeer(document.createElement('iframe').contentWindow, here)).toThrow(wrong);
    await expect(serve({}, windows([]))).rejects.toThrow(wrong);
    // @ts-expect-error -- a list it is
    await expect(serve({}, windows(here))).rejects.toThrow(wrong);
    await expect(dial(window)).rejects.toMatchObject({ code: 'ERR_ENDPOINT' });
    await expect(dial(open(widget(elsewhere, here)).window)).rejects.toMatchObject({
      code: 'ERR_ENDPOINT',
    });
  });
});

describe('who serves windows', () => {
  test('ignores thousands of messages that are none of ours, and goes on', async () => {
    const { window } = open('');
    const { channels, lines } = listen(window, [here]);
    const cyclic: unknown[] = [];
    cyclic.push(cyclic);
    const nonce = makeNonce();
    const rubbish: unknown[] = [
      ...[
        null,
        undefined,
        7,
        1n,
        'connect',
        true,
        {},
        [],
        cyclic,
        new Map([[1, 2]]),
        new Error('x'),
      ],
      ...[{ dservice: 'connect' }, { dservice: 'connect', nonce: '' }, { nonce }],
      ...[
        { dservice: 'connect', nonce: `${nonce}0` },
        { dservice: 'connect', nonce: [nonce] },
      ],
      ...[handshake('connected', nonce), { dservice: { connect: nonce } }, { dservice: 'close' }],
      ...[{ dservice: 1e9 }, { type: 'webpackOk', data: 'x'.repeat(10_000) }],
    ];
    for (let i = 0; i < 5_000; i += 1) {
      const { port2 } = new MessageChannel();
      const message = rubbish[i % rubbish.length];
      window.postMessage(message, { targetOrigin: here, transfer: i % 2 ? [port2] : [] });
      // Without a port, even the right words are nothing.
      if (i % 100 === 0) window.postMessage(handshake('connect', makeNonce()), here);
    }
    const a = new Recorder(windowChannel(window, here));
    await vi.waitUntil(() => channels.length > 0, { interval: 1 });
    const [channel] = channels;
    if (channel === undefined) throw new Error('no channel');
    const b = new Recorder(channel);
    a.channel.write('{"n":1}\n');
    await b.until(() => b.lines.length > 0);
    expect([channels.length, lines, b.lines]).toEqual([1, [], ['{"n":1}']]);
    a.channel.destroy();
    await b.closed();
  });

  test('takes a handshake that is repeated once', async () => {
    const scope = new EventTarget();
    const { channels } = listen(scope, ['https://a.example']);
    const message = handshake('connect', makeNonce());
    const answers: unknown[] = [];
    const ports = Array.from({ length: 5 }, () => arrive(scope, 'https://a.example', message));
    for (const port of ports) port.onmessage = ({ data }) => answers.push(data);
    await turns(10);
    expect([channels.length, answers.length]).toEqual([1, 1]);
    arrive(scope, 'https://a.example', handshake('connect', makeNonce()));
    expect(channels.length).toBe(2);
  });

  test('names each origin that it refuses once, a hundred at most, and looks at nothing else', () => {
    const scope = new EventTarget();
    const { channels, lines } = listen(scope, ['https://a.example']);
    const message = handshake('connect', makeNonce());
    const others = [
      'http://a.example',
      'https://a.example:8443',
      'https://b.a.example',
      'null',
      '',
    ];
    for (const other of [...others, ...others]) {
      arrive(scope, other, { type: 'of somebody else' });
      arrive(scope, other, message);
    }
    expect(lines).toHaveLength(others.length);
    expect(lines[0]).toContain('http://a.example');
    for (let i = 0; i < 1_000; i += 1) arrive(scope, `https://${i}.example`, message);
    expect([lines.length, channels.length]).toEqual([100, 0]);
  });

  test('is the only one to hear of a handshake that it took', () => {
    const scope = new EventTarget();
    const [first, second] = [listen(scope, [here]), listen(scope, [here, elsewhere])];
    const message = () => handshake('connect', makeNonce());
    arrive(scope, here, message());
    arrive(scope, elsewhere, message());
    expect([first.channels.length, second.channels.length]).toEqual([1, 1]);
    first.stop();
    arrive(scope, here, message());
    expect([first.channels.length, second.channels.length]).toEqual([1, 2]);
  });

  test('says in the log of its options whom it refused, until it is closed', async () => {
    const lines: string[] = [];
    const logger = { warn: (line: string) => void lines.push(line) };
    const server = await serve({}, windows(['https://app.example']), { logger });
    expect(server.endpoints).toEqual([]);
    arrive(window, 'https://evil.example', handshake('connect', makeNonce()));
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain('https://evil.example');
    arrive(window, 'https://app.example', handshake('connect', makeNonce()));
    expect(server.sessions.size).toBe(1);
    await server.close();
    arrive(window, 'https://app.example', handshake('connect', makeNonce()));
    arrive(window, 'https://other.example', handshake('connect', makeNonce()));
    expect(lines).toHaveLength(1);
  });
});
