import { expect, test } from 'vitest';
import type { Frame } from '../../channel/frames.js';
import { DserviceError } from '../../errors.js';
import { codeOf } from '../../testing/fixtures/peer.js';
import { Recorder, turns } from '../../testing/recorder.js';
import { VirtualClock } from '../../testing/virtual-clock.js';
import { relayedChannel } from './relayed-channel.js';
import type { FarSide } from './remote-side.js';
import { relayPiece, relayWindow } from './wire.js';

/** A channel whose far side is the test. */
function setup(limit = 1_000_000) {
  const sent: { text: Frame; more: boolean; take: () => void }[] = [];
  const said: string[] = [];
  const far: FarSide = {
    direct: false,
    receive: (text, more) => new Promise<void>((take) => sent.push({ text, more, take })),
    end: () => Promise.resolve(void said.push('end')),
    signal: (data) => void said.push(`signal ${JSON.stringify(data)}`),
    release: () => void said.push('release'),
    drop: (reason) => void said.push(`drop ${reason}`),
  };
  const relayed = relayedChannel({
    clock: new VirtualClock(),
    limit,
    onOver: () => said.push('over'),
  });
  return { ...relayed, far, sent, said, recorder: new Recorder(relayed.channel) };
}

test('what is written waits until the far side is known', async () => {
  const { channel, attach, far, sent } = setup();
  channel.write('{"n":1}\n');
  expect(sent).toEqual([]);
  attach(far, { origin: 'http://a.test', address: '10.0.0.1:1' });
  expect(sent).toMatchObject([{ text: '{"n":1}\n', more: false }]);
  expect(channel.peer).toEqual({
    transport: 'relay',
    origin: 'http://a.test',
    address: '10.0.0.1:1',
  });
});

test('no more than the window is on the way, and a long message goes in pieces', async () => {
  const { channel, attach, far, sent, recorder } = setup();
  attach(far, {});
  const message = Array.from({ length: 20_000 }, (_, i) => `[${i}]`).join('');
  expect(channel.write(`${message}\n`)).toBe(false);
  const onTheWay = (): number => sent.reduce((sum, { text }) => sum + text.length, 0);
  expect(onTheWay()).toBe(relayWindow);
  let got = '';
  while (sent.length > 0) {
    expect(onTheWay()).toBeLessThanOrEqual(relayWindow);
    const piece = sent.shift();
    expect(piece!.text.length).toBeLessThanOrEqual(relayPiece);
    got += String(piece!.text);
    expect(piece!.more).toBe(got.length < message.length + 1);
    piece!.take();
    await turns(1);
  }
  expect(got).toBe(`${message}\n`);
  expect([channel.buffered, recorder.drains > 0]).toEqual([0, true]);
});

test('small messages are few calls', async () => {
  const { channel, attach, far, sent } = setup();
  attach(far, {});
  for (let i = 0; i < 1_000; i++) channel.write(`[${i}]`);
  expect(sent.length).toBeLessThanOrEqual(16);
  const lines: string[] = [];
  while (sent.length > 0) {
    const { text, take } = sent.shift()!;
    lines.push(
      ...String(text)
        .split('\n')
        .filter((line) => line !== ''),
    );
    take();
    await turns(1);
  }
  expect(lines).toEqual(Array.from({ length: 1_000 }, (_, i) => `[${i}]`));
});

test('a piece is answered when it was taken, and not before', async () => {
  const { channel, near, recorder } = setup();
  await turns(1);
  channel.pause();
  const told: string[] = [];
  const give = (text: string, more: boolean) =>
    void Promise.resolve(near.receive(text, more)).then(() => told.push(text));
  give('{"a":', true);
  give('1}\n', false);
  give('{"b":', true);
  await turns(2);
  expect([told, recorder.lines]).toEqual([[], []]);
  channel.resume();
  await turns(2);
  expect([told, recorder.lines]).toEqual([['{"a":', '1}\n', '{"b":'], ['{"a":1}']]);
});

test('a message without end is too much', async () => {
  const { near, recorder, said, attach, far } = setup(100_000);
  attach(far, {});
  await turns(1);
  const piece = 'x'.repeat(relayPiece);
  let code: unknown;
  for (let i = 0; i < 10 && code !== 'ERR_LIMIT'; i++) {
    code = await codeOf((async () => near.receive(piece, true))());
  }
  expect(code).toBe('ERR_LIMIT');
  await recorder.closed();
  expect(recorder.closes[0]).toMatchObject({ code: 'ERR_LIMIT' });
  expect(said).toEqual(['over', 'drop the other side has ended it']);
});

test('who does not keep to the window is cut off', async () => {
  const { channel, near, recorder } = setup();
  await turns(1);
  channel.pause();
  const codes = await Promise.all(
    Array.from({ length: 40 }, () => codeOf((async () => near.receive('x\n', false))())),
  );
  expect(codes.filter((code) => code === 'ERR_LIMIT').length).toBe(1);
  expect(codes.at(-1)).toBe('ERR_CONNECTION_LOST');
  await recorder.closed();
});

test('what is no text, and nothing, is not delivered', async () => {
  const { near, recorder } = setup();
  expect(await codeOf((async () => near.receive(7 as never, false))())).toBe('ERR_DATA');
  await near.receive('', false);
  expect(recorder.lines).toEqual([]);
});

test('an end in the middle of a message is a loss, and so is an end with a reason', async () => {
  const [cut, lost] = [setup(), setup()];
  void cut.near.receive('{"a":', true);
  void cut.near.end();
  void lost.near.end('gone');
  await Promise.all([cut.recorder.closed(), lost.recorder.closed()]);
  for (const { recorder } of [cut, lost]) {
    expect(recorder.closes[0]).toMatchObject({ code: 'ERR_CONNECTION_LOST' });
  }
  void lost.near.end('again');
  expect(await codeOf((async () => lost.near.receive('x', false))())).toBe('ERR_CONNECTION_LOST');
});

test('a far side that fails ends it, with what it says', async () => {
  const { channel, attach, far, recorder } = setup();
  const error = new DserviceError('ERR_LIMIT', 'too much');
  attach({ ...far, receive: () => Promise.reject(error) }, {});
  channel.write('x');
  await recorder.closed();
  expect(recorder.closes).toEqual([error]);
});

test('one that ended before its far side was known tells it', async () => {
  const { channel, attach, far, said } = setup();
  channel.destroy();
  attach(far, {});
  expect(said).toEqual(['over', 'drop the other side has ended it']);
});
