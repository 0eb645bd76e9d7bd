import { describe, expect, test } from 'vitest';
import { channelSuite } from '../testing/channel-suite.js';
import { Recorder, turns } from '../testing/recorder.js';
import { VirtualClock } from '../testing/virtual-clock.js';
import { dataChannel, type DataConnection } from './data-channel.js';
import { fakeDataChannels, type FakeDataChannel } from './fixtures/data-channels.js';

/** Two channels over two fakes; closing a connection closes both of its ends. */
function pair({ event = true, clock }: { event?: boolean; clock?: VirtualClock } = {}) {
  const [one, two] = fakeDataChannels({ event });
  const options = clock === undefined ? {} : { clock };
  const lose: ((error: Error) => void)[] = [];
  const connection = (rtc: FakeDataChannel): DataConnection => ({
    onLost: (listener) => void lose.push(listener),
    close: () => rtc.close(),
  });
  const a = dataChannel(one, connection(one), options);
  const b = dataChannel(two, connection(two), options);
  return { a, b, one, two, lose, teardown: () => {} };
}

describe.each([
  ['an event for room', true],
  ['none', false],
])('with %s', (_, event) => {
  channelSuite({
    test,
    setup: async () => pair({ event }),
    supports: { holdBack: false },
  });
});

test('pieces have at most 16 KiB, and no more than 1 MiB of them waits in the data channel', async () => {
  const { a, b, one } = pair();
  const [from, to] = [new Recorder(a), new Recorder(b)];
  a.write(`${'é'.repeat(2 * 1024 * 1024)}\n`);
  expect(one.bufferedAmount).toBeLessThanOrEqual(1024 * 1024 + 16 * 1024);
  await to.until(() => to.lines.length > 0);
  expect(Math.max(...one.sizes)).toBe(16 * 1024);
  expect(one.most).toBeLessThanOrEqual(1024 * 1024 + 16 * 1024);
  expect(from.faults).toEqual([]);
});

test('a small write leaves at once, many in one turn leave together', async () => {
  const { a, b, one } = pair();
  const [from, to] = [new Recorder(a), new Recorder(b)];
  a.write('{"n":0}\n');
  expect(one.sizes).toEqual([8]);
  for (let i = 0; i < 1_000; i += 1) a.write('{"n":1}\n');
  await to.until(() => to.lines.length === 1_001);
  expect(one.sizes.length).toBeLessThan(10);
  expect(from.faults).toEqual([]);
});

test.each([
  ['an event for room', true],
  ['none', false],
])('the end of a long write waits for more, while much is before it: %s', async (_, event) => {
  const { a, b, one } = pair({ event });
  const [from, to] = [new Recorder(a), new Recorder(b)];
  one.hold();
  const line = `${'x'.repeat(64 * 1024)}\n`;
  for (let i = 0; i < 3; i += 1) {
    a.write(line);
    await turns(1);
  }
  expect(one.sizes).toEqual(Array.from({ length: 12 }, () => 16 * 1024));
  expect(a.buffered).toBe(3 * line.length);
  one.release();
  await to.until(() => to.lines.length === 3);
  expect(one.sizes.slice(12)).toEqual([3]);
  // With nothing before it, it leaves with the turn.
  a.write(line);
  await to.until(() => to.lines.length === 4);
  expect(from.faults).toEqual([]);
});

test('a small window drains', async () => {
  const [one, two] = fakeDataChannels({ event: true });
  const connection = { onLost: () => {}, close: () => one.close() };
  const from = new Recorder(dataChannel(one, connection, { window: 1_000 }));
  const to = new Recorder(dataChannel(two, connection));
  const before = from.drains;
  expect(from.channel.write(`${'x'.repeat(2_000)}\n`)).toBe(false);
  await from.until(() => from.drains > before);
  await to.until(() => to.lines.length === 1);
});

test('the side that answered a close waits for the other to leave, 2 s', async () => {
  const clock = new VirtualClock();
  const { a, b, one } = pair({ clock });
  const [from, to] = [new Recorder(a), new Recorder(b)];
  one.hold();
  b.close();
  await from.closed();
  expect(from.closes).toEqual([undefined]);
  expect([one.words, one.readyState]).toEqual([['bye bye'], 'open']);
  await clock.advance(1_999);
  expect(one.readyState).toBe('open');
  await clock.advance(1);
  expect(one.readyState).toBe('closed');
  await to.closed();
});

test('a close without a bye is told with an error', async () => {
  const { a, b, two } = pair();
  const [from, to] = [new Recorder(a), new Recorder(b)];
  two.close();
  await from.closed();
  await to.closed();
  expect(from.closes[0]?.message).toContain('without a bye');
});

test('a connection that is lost is told with its error, and closed', async () => {
  const { a, one, lose } = pair();
  const from = new Recorder(a);
  const error = new Error('Ice connection failed.');
  lose[0]?.(error);
  await from.closed();
  expect(from.closes).toEqual([error]);
  expect(one.readyState).toBe('closed');
});

test('a data channel that takes nothing more ends it', async () => {
  const { a, one } = pair();
  const from = new Recorder(a);
  one.full = true;
  a.write('{"n":1}\n');
  await from.closed();
  expect(from.closes[0]?.message).toContain('takes nothing more');
});

test('words that are not ours, and a bye bye to nothing, harm nobody', async () => {
  const { a, b, two } = pair();
  const [from, to] = [new Recorder(a), new Recorder(b)];
  two.send('hello');
  two.send('{"method":"methods"}');
  b.write('{"n":1}\n');
  await from.until(() => from.lines.length === 1);
  two.send('bye bye');
  await from.closed();
  await to.closed();
  expect(from.lines).toEqual(['{"n":1}']);
});

test('who is not read and goes on sending is cut off', async () => {
  const { b, one } = pair();
  const to = new Recorder(b);
  to.channel.pause();
  const piece = new Uint8Array(16 * 1024).fill(97);
  for (let at = 0; at < 66 * 64; at++) one.send(piece);
  await to.closed();
  expect(to.closes).toMatchObject([{ code: 'ERR_LIMIT' }]);
  expect([to.lines, one.readyState]).toEqual([[], 'closed']);
});
