import { expect, test } from 'vitest';
import { codeOf, methodsOf, ourHello, Peer, peer, type Wired } from '../testing/fixtures/peer.js';
import { turns } from '../testing/recorder.js';
import { contextOf, syncScope } from './context.js';
import { dispose } from './options.js';

const oneCall = { ...ourHello, limits: { calls: 1 } };

/** The session's call that left last: the id under which it waits. */
function replyOf(them: Peer): number {
  return them.last?.reply ?? -1;
}

test('a held call that is given up leaves none of its functions behind', async () => {
  const them = await peer({ hello: oneCall });
  const before = them.session.tables.local;
  const first = codeOf(them.session.call('x', [], { deadline: Infinity }));
  const held = Array.from({ length: 100 }, (_, i) =>
    codeOf(them.session.call('y', [() => i], { deadline: 1_000 })),
  );
  await turns(1);
  expect(them.session.tables.local).toBe(before + 100);
  await them.clock.advance(2_000);
  expect(await Promise.all(held)).toEqual(held.map(() => 'ERR_DEADLINE'));
  expect(them.session.tables).toMatchObject({ local: before, pending: 1 });
  them.session.close();
  await first;
});

test('a cull does not overtake a held call of the function', async () => {
  const them = await peer({ hello: oneCall });
  await them.send({
    method: 'methods',
    arguments: [{ f: '[Function]' }],
    callbacks: { 9: ['0', 'f'] },
  });
  const f = them.session.remote.f as ((x: number) => Promise<unknown>) & Disposable;
  const first = codeOf(them.session.call('x', []));
  await turns(1);
  const reply = replyOf(them);
  const second = codeOf(f(1));
  f[dispose]();
  await turns(3);
  await them.send({ method: reply, arguments: [] });
  const [call, cull] = them.got.slice(-2);
  expect(call).toMatchObject({ method: 9, arguments: [1] });
  expect(cull).toMatchObject({ control: 'cull', counts: { 9: 1 } });
  them.session.close();
  await Promise.all([first, second]);
});

test('towards a plain peer, a call with a callback keeps its place among held ones', async () => {
  const them = await peer({ hello: null, limits: { unsent: 1_000 }, memory: { window: 500 } });
  them.recorder.channel.pause();
  const calls = [
    codeOf(them.session.call('big', ['x'.repeat(20_000)])),
    codeOf(them.session.call('first', [1])),
    codeOf(them.session.call('second', [2, () => {}])),
  ];
  await turns(2);
  them.recorder.channel.resume();
  await turns(5);
  expect(them.got.map((it) => it.method).slice(-3)).toEqual(['big', 'first', 'second']);
  them.session.close();
  await Promise.all(calls);
});

test('a refused call leaves none of its functions at the caller', async () => {
  const them = await peer();
  await them.send({
    method: 'unknown',
    arguments: ['[Function]'],
    callbacks: { 40: ['0'] },
    reply: 5,
  });
  await turns(2);
  expect(them.outcome(5)?.arguments?.[0]).toMatchObject({ code: 'ERR_METHOD' });
  expect(them.got.find((it) => it.control === 'cull')).toMatchObject({ counts: { 40: 1 } });
});

test('a late outcome of a plain peer does not cull what is still held', async () => {
  const them = await peer({ hello: null });
  const f = { arguments: [{ f: '[Function]' }], callbacks: { 3: ['0', 'f'] }, links: [] };
  await them.send({ method: 'methods', ...f });
  const call = codeOf(them.session.call('x', [], { deadline: 100 }));
  await turns(1);
  const id = Number(Object.keys(them.last?.callbacks ?? {})[0]);
  await them.clock.advance(200);
  expect(await call).toBe('ERR_DEADLINE');
  await them.send({ method: id, ...f });
  await turns(2);
  expect(them.got.some((it) => it.method === 'cull')).toBe(false);
});

test('a call made before the hello is answered as a plain peer answers', async () => {
  const them = new Peer();
  const call = them.session.call('echo', [1]);
  await turns(2);
  const id = Number(Object.keys(them.last?.callbacks ?? {})[0]);
  await them.send(methodsOf(ourHello));
  await them.send({ method: id, arguments: ['value'], reply: 77 });
  expect(await call).toBe('value');
  expect(them.outcome(77)).toEqual({ method: 77, arguments: [] });
});

test('an outcome of a plain peer that brings functions does not overtake calls that wait', async () => {
  const said: unknown[] = [];
  let done = (): void => {};
  const them = await peer({
    hello: null,
    limits: { calls: 1 },
    api: {
      slow: () => new Promise<void>((resolve) => (done = resolve)),
      take: async (cb: (value: string) => Promise<unknown>) => said.push(await codeOf(cb('hi'))),
    },
  });
  const call = them.session.call('f', []);
  await turns(1);
  const id = Number(Object.keys(them.last?.callbacks ?? {})[0]);
  await them.send({ method: 'slow', arguments: [] });
  await them.send({ method: 'take', arguments: ['[Function]'], callbacks: { 5: ['0'] } });
  await them.send({
    method: id,
    arguments: [{ g: '[Function]' }],
    callbacks: { 6: ['0', 'g'] },
  });
  done();
  await call;
  await turns(3);
  expect(said).toEqual([{ resolved: undefined }]);
});

test('a cancel that comes before its sender was let in is not lost', async () => {
  const scope = syncScope();
  const signals: boolean[] = [];
  let admit: (identity: string) => void = () => {};
  const them = await peer({
    scope,
    authenticate: () => new Promise((resolve) => (admit = resolve)),
    api: {
      f: async () => {
        const { signal } = contextOf(scope);
        await turns(3);
        signals.push(signal.aborted);
      },
    },
  });
  await them.send({ method: 'f', arguments: [], reply: 8 }, { control: 'cancel', call: 8 });
  admit('somebody');
  await turns(8);
  expect(signals).toEqual([true]);
});

test('the signal of a handler without an outcome fires when the session ends', async () => {
  const scope = syncScope();
  let signal: AbortSignal | undefined;
  const api = {
    w: () => {
      ({ signal } = contextOf(scope));
      return new Promise(() => {});
    },
  };
  const them = await peer({ scope, api, hello: null });
  await them.send({ method: 'w', arguments: [] });
  expect(signal?.aborted).toBe(false);
  them.session.close();
  expect(signal?.aborted).toBe(true);
});

test('a promise that comes to nothing goes to the callback all the same', async () => {
  const them = await peer({ hello: null, api: { save: async () => {} } });
  await them.send({ method: 'save', arguments: ['[Function]'], callbacks: { 4: ['0'] } });
  await turns(2);
  expect(them.last).toMatchObject({ method: 4, arguments: [null] });
});

test('only features that both named are used', async () => {
  const them = await peer({ hello: { v: 1, features: ['reply'], limits: {} } });
  const call = codeOf(them.session.call('f', [new Date(0)], { deadline: 500 }));
  await turns(1);
  expect(them.last).toMatchObject({ method: 'f', arguments: ['1970-01-01T00:00:00.000Z'] });
  expect(them.last).not.toHaveProperty('types');
  expect(them.last).not.toHaveProperty('meta');
  await them.clock.advance(120_000);
  expect(await call).toBe('ERR_DEADLINE');
  expect(them.got.some((it) => it.control !== undefined)).toBe(false);
  expect(them.session.ended).toBe(false);
});

test('tens of thousands of held calls leave as fast as few', async () => {
  const them = await peer({ hello: { ...ourHello, limits: { calls: 100 } } });
  const calls = Array.from({ length: 30_000 }, () => them.session.call('x', []));
  // Each outcome lets one more go; were the rest copied each time, this would take minutes.
  const { lines } = them.recorder;
  for (let answered = 0, read = 0; answered < calls.length;) {
    await turns(1);
    // Only what is new is looked at, or the test would be slow where the session is not.
    const waiting = lines.slice(read).map((line) => JSON.parse(line) as Wired);
    read = lines.length;
    const outcomes = waiting.filter(({ method }) => method === 'x');
    answered += outcomes.length;
    await them.send(...outcomes.map(({ reply }) => ({ method: Number(reply), arguments: [] })));
  }
  await Promise.all(calls);
  expect(them.session.outstanding).toBe(0);
});
