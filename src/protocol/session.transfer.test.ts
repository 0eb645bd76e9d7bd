import { expect, test } from 'vitest';
import type { Channel } from '../channel/channel.js';
import { changed } from '../channel/fixtures/changed.js';
import { messagePortChannel } from '../channel/message-port.js';
import { defaultLimits, type Limits } from '../limits.js';
import { Recorder, turns } from '../testing/recorder.js';
import { codeOf, sessionPair } from '../testing/fixtures/peer.js';
import { VirtualClock } from '../testing/virtual-clock.js';
import { syncScope } from './context.js';
import { Session } from './session.js';
import { isSpent } from './streams/outgoing.js';
import { transfer } from './transfer.js';

const limits = defaultLimits;

function start(channel: Channel, api: object, own: Partial<Limits> = {}): Session {
  const session = new Session({
    ...{ channel, clock: new VirtualClock(), scope: syncScope(), api },
    limits: { ...limits, ...own },
  });
  session.start();
  return session;
}

/** Two sessions over the ports of a MessageChannel. */
async function overPorts(
  api: object,
  change: (channel: Channel) => Channel = (it) => it,
): Promise<{ a: Session; b: Session; port: MessagePort; [Symbol.dispose](): void }> {
  const { port1, port2 } = new MessageChannel();
  const a = start(change(messagePortChannel(port1)), {});
  const b = start(messagePortChannel(port2), api);
  await new Promise((resolve) => a.on('remote', resolve));
  return {
    ...{ a, b, port: port1 },
    [Symbol.dispose]() {
      a.close();
      b.close();
    },
  };
}

/** What the next message of a port is. */
const heard = (port: MessagePort): Promise<unknown> =>
  new Promise((resolve) => {
    port.onmessage = ({ data }) => resolve(data);
  });

test('buffers and views are moved there and back: nothing is copied', async () => {
  using pair = await overPorts({
    fill(bytes: Uint8Array<ArrayBuffer>, other: ArrayBuffer) {
      bytes.fill(7);
      return transfer({ bytes, size: other.byteLength }, [bytes.buffer]);
    },
  });
  const bytes = new Uint8Array(100_000);
  const { buffer } = bytes;
  const kept = new ArrayBuffer(5_000);
  const outcome = pair.a.call('fill', [transfer(bytes, [buffer]), kept]);
  expect([bytes.byteLength, buffer.byteLength, kept.byteLength]).toEqual([0, 0, 5_000]);
  const back = (await outcome) as { bytes: Uint8Array; size: number };
  expect(back).toEqual({ bytes: new Uint8Array(100_000).fill(7), size: 5_000 });
});

test('views of one buffer still share it, and an alias is one', async () => {
  const seen: unknown[] = [];
  using pair = await overPorts({ take: (value: unknown) => void seen.push(value) });
  const buffer = new ArrayBuffer(4_096);
  const [whole, part] = [new Uint16Array(buffer), new Uint8Array(buffer, 100, 10)];
  await pair.a.call('take', [
    transfer({ whole, deep: new Map([['part', part]]), again: whole }, [buffer]),
  ]);
  const [got] = seen as [{ whole: Uint16Array; deep: Map<string, Uint8Array>; again: unknown }];
  expect(got.again).toBe(got.whole);
  const moved = got.deep.get('part');
  expect([moved?.buffer, moved?.byteOffset, moved?.length]).toEqual([got.whole.buffer, 100, 10]);
});

test('a MessagePort goes as an argument, within one, and as an outcome', async () => {
  using pair = await overPorts({
    greet: (port: MessagePort) => port.postMessage('hello'),
    open({ ports }: { ports: Set<MessagePort> }) {
      const [port] = ports;
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = ({ data }) => port?.postMessage(data);
      return transfer([port2, { not: 'moved' }], [port2]);
    },
  });
  const [one, two] = [new MessageChannel(), new MessageChannel()];
  const [first, second] = [heard(one.port1), heard(two.port1)];
  await pair.a.call('greet', [transfer(one.port2, [one.port2])]);
  expect(await first).toBe('hello');
  const given = { ports: new Set([two.port2]) };
  const [port] = (await pair.a.call('open', [transfer(given, [two.port2])])) as [MessagePort];
  port.postMessage('through both');
  expect(await second).toBe('through both');
  for (const each of [one.port1, two.port1, port]) each.close();
});

test('among other messages, and with bytes that are copied, order is kept', async () => {
  const seen: unknown[] = [];
  using pair = await overPorts({
    tell: (n: number, ...all: Uint8Array[]) => void seen.push(n, ...all.map((it) => it.length)),
  });
  const expected: unknown[] = [];
  const calls: Promise<unknown>[] = [];
  for (let n = 0; n < 40; n++) {
    const moved = new Uint8Array(n * 100);
    const args = n % 3 === 0 ? [transfer(moved, [moved.buffer]), new Uint8Array(n * 50)] : [];
    expected.push(n, ...(n % 3 === 0 ? [n * 100, n * 50] : []));
    calls.push(pair.a.call('tell', [n, ...args]));
    if (n % 7 === 0) await turns(1);
  }
  await Promise.all(calls);
  expect(seen).toEqual(expected);
});

test('a stream in the list goes as streams do', async () => {
  using pair = await overPorts({
    async read(stream: ReadableStream<string>) {
      const all: string[] = [];
      for await (const each of stream) all.push(each);
      return all;
    },
  });
  const stream = new ReadableStream<string>({
    start(controller) {
      controller.enqueue('a');
      controller.close();
    },
  });
  expect(await pair.a.call('read', [transfer(stream, [stream])])).toEqual(['a']);
});

test('what cannot be moved is refused with its path, and nothing of the call is gone', async () => {
  using pair = await overPorts({ take: () => 'taken' });
  const kept = new ArrayBuffer(8);
  const gone = new ArrayBuffer(8);
  structuredClone(gone, { transfer: [gone] });
  const closed = new MessageChannel();
  structuredClone(closed.port1, { transfer: [closed.port1] });
  const date = new Date(0);
  const refused: [unknown, RegExp][] = [
    [transfer({ kept, gone }, [kept, gone]), /^argument 0\.gone cannot be sent: /],
    [transfer({ kept, again: 1 }, [kept, kept]), /^argument 0 cannot be sent: .*listed twice/],
    [transfer({ kept, date }, [kept, date]), /^argument 0\.kept, 0\.date cannot be moved: /],
    [
      transfer({ kept, port: closed.port1 }, [kept, closed.port1]),
      /^argument 0\.kept, 0\.port cannot be moved: /,
    ],
    [transfer([kept, pair.port], [kept, pair.port]), /^argument 0\.1 cannot be sent: the port of/],
    [[transfer({ kept }, [kept]), Symbol('x')], /^argument 0\.1 cannot be sent: a symbol/],
    [{ port: closed.port2 }, /^argument 0\.port cannot be sent: .*unless `transfer` moves it/],
  ];
  for (const [value, message] of refused) {
    const error: unknown = await pair.a.call('take', [value]).catch((it: unknown) => it);
    expect(error).toMatchObject({ code: 'ERR_DATA', mayHaveRun: false });
    expect((error as Error).message).toMatch(message);
    expect(kept.byteLength, (error as Error).message).toBe(8);
  }
  // What was listed there is not in the way of the next.
  expect(await pair.a.call('take', [kept])).toBe('taken');
  expect(kept.byteLength).toBe(8);
  expect(() => transfer(1, [])).toThrow('takes an object and an array');
  pair.a.close();
  expect(await codeOf(pair.a.call('take', [transfer({ kept }, [kept])]))).toBe('ERR_CLOSED');
  expect(kept.byteLength).toBe(8);
});

test('an outcome that cannot be moved is an error for its caller', async () => {
  const kept = new ArrayBuffer(8);
  using pair = await overPorts({ give: () => transfer([kept], [kept, kept]) });
  expect(await codeOf(pair.a.call('give', []))).toBe('ERR_DATA');
  expect(kept.byteLength).toBe(8);
});

test('over a channel that moves nothing, buffers are copied and ports refused', async () => {
  const { a } = await sessionPair({ b: { api: { size: (it: ArrayBuffer) => it.byteLength } } });
  const buffer = new ArrayBuffer(1_000);
  expect(await a.call('size', [transfer(buffer, [buffer])])).toBe(1_000);
  expect(buffer.byteLength).toBe(1_000);
  const { port1 } = new MessageChannel();
  expect(await codeOf(a.call('size', [transfer([port1], [port1])]))).toBe('ERR_DATA');
});

test('so it is with a peer over a port that does not know of it', async () => {
  const old = (channel: Channel): Channel => changed(channel, { moves: undefined });
  using pair = await overPorts({ size: (it: ArrayBuffer) => it.byteLength }, old);
  const buffer = new ArrayBuffer(1_000);
  expect(await pair.a.call('size', [transfer(buffer, [buffer])])).toBe(1_000);
  expect(buffer.byteLength).toBe(1_000);
  const { port1 } = new MessageChannel();
  expect(await codeOf(pair.a.call('size', [transfer([port1], [port1])]))).toBe('ERR_DATA');
});

test('a call that is held back has what it moves until it leaves', async () => {
  const { port1, port2 } = new MessageChannel();
  const a = start(messagePortChannel(port1), {});
  const waits: (() => void)[] = [];
  const api = {
    wait: () => new Promise<void>((resolve) => waits.push(resolve)),
    size: (it: ArrayBuffer) => it.byteLength,
  };
  const b = start(messagePortChannel(port2), api, { calls: 1 });
  await new Promise((resolve) => a.on('remote', resolve));
  const first = a.call('wait', []);
  const buffer = new ArrayBuffer(3_000);
  const held = a.call('size', [transfer(buffer, [buffer])]);
  expect(buffer.byteLength).toBe(0);
  while (waits.length === 0) await turns(1);
  waits[0]?.();
  expect(await held).toBe(3_000);
  await first;
  a.close();
  b.close();
});

test('before it is known who is there, a call waits with what was moved', async () => {
  const { port1, port2 } = new MessageChannel();
  let letIn: (identity: string) => void = () => {};
  const session = new Session({
    ...{
      channel: messagePortChannel(port2),
      clock: new VirtualClock(),
      scope: syncScope(),
      limits,
    },
    api: { size: (it: ArrayBuffer) => it.byteLength },
    authenticate: () => new Promise((resolve) => (letIn = resolve)),
  });
  session.start();
  const them = new Recorder(messagePortChannel(port1));
  const hello = { v: 1, features: ['reply', 'types', 'links', 'own', 'clone'], limits: {} };
  const methods = { method: 'methods', arguments: [{}], dservice: hello };
  const line = { method: 'size', arguments: [null], reply: 1, types: { clone: [['0']] } };
  const buffer = new ArrayBuffer(70);
  them.channel.write(`${JSON.stringify(methods)}\n`);
  const moved = { values: [buffer], list: [buffer] };
  them.channel.write(`${JSON.stringify(line)}\n`, Object.assign([], { moved }));
  await turns(5);
  letIn('somebody');
  await them.until(() => them.lines.some((it) => it.includes('"method":1')));
  expect(them.lines.at(-1)).toBe('{"method":1,"arguments":[null,70]}');
  them.channel.close();
  session.close();
});

test('what was moved is not sent a second time: it says so, over whichever channel', async () => {
  using pair = await overPorts({ size: (it: Uint8Array) => it.byteLength });
  const { a: copying } = await sessionPair({ b: { api: { size: () => 0 } } });
  const bytes = new Uint8Array(2_000);
  const { port1 } = new MessageChannel();
  const deep = { list: [bytes], port: port1 };
  const marked = transfer(deep, [bytes.buffer, port1]);
  expect(isSpent([marked])).toBe(false);
  await pair.a.call('size', [marked]);
  // A service makes no such call again elsewhere.
  expect([isSpent([marked]), isSpent([{ again: bytes }]), isSpent([port1])]).toEqual([
    ...[true, true, true],
  ]);
  const again: [Session, unknown, RegExp][] = [
    [pair.a, marked, /^argument 0\.list\.0 cannot be sent: .*moved before: .* a second time$/],
    [pair.a, transfer([port1], [port1]), /^argument 0\.0 cannot be sent: .* a second time$/],
    [pair.a, bytes, /^argument 0 cannot be sent: .*moved elsewhere/],
    [copying, marked, /^argument 0\.list\.0 cannot be sent: .*moved elsewhere/],
    [copying, bytes, /^argument 0 cannot be sent: .*moved elsewhere/],
    [copying, bytes.buffer, /^argument 0 cannot be sent: .*moved elsewhere/],
  ];
  for (const [session, value, message] of again) {
    const error: unknown = await session.call('size', [value]).catch((it: unknown) => it);
    expect(error).toMatchObject({ code: 'ERR_DATA', mayHaveRun: false });
    expect((error as Error).message).toMatch(message);
  }
});
