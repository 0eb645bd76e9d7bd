import { expect, test, vi } from 'vitest';
import { methodsOf, ourHello, Peer, peer, sessionPair } from '../testing/fixtures/peer.js';
import { turns } from '../testing/recorder.js';

const auth = { ...ourHello, auth: 'open sesame' };

/** A door that opens when the test says so. */
function door() {
  const asked: unknown[] = [];
  let decide: (identity: unknown) => void = () => {};
  const authenticate = (given: unknown): Promise<unknown> => {
    asked.push(given);
    return new Promise((resolve) => (decide = resolve));
  };
  return { asked, authenticate, decide: (identity: unknown) => decide(identity) };
}

test('no call runs before its sender was let in, whatever it looks like', async () => {
  const run = vi.fn(() => 'ran');
  const { authenticate, asked, decide } = door();
  const them = new Peer({ api: { run }, authenticate });
  await turns(1);
  expect(them.got[0]).toMatchObject({
    method: 'methods',
    arguments: [{}],
    dservice: { authenticate: true },
  });
  await them.send(methodsOf(auth));
  for (const more of [
    {},
    { control: 'ping' },
    { control: 'cancel' },
    { control: 7 },
    { dservice: auth },
  ]) {
    await them.send({ method: 'run', arguments: [], reply: 1, ...more } as never);
  }
  for (const id of [0, 1, 2]) await them.send({ method: id, arguments: [] });
  expect(run).not.toHaveBeenCalled();
  expect(asked).toEqual(['open sesame']);
  expect(them.outcome(1)).toBeUndefined();
  decide({ name: 'ali' });
  await turns(2);
  expect(them.session.peer.identity).toEqual({ name: 'ali' });
  expect(run).toHaveBeenCalled();
  expect(them.outcome(1)?.arguments).toEqual([null, 'ran']);
});

test('calls that waited run in order, after the api was sent', async () => {
  const order: unknown[] = [];
  const { authenticate, decide } = door();
  const them = new Peer({ api: { run: (n: unknown) => void order.push(n) }, authenticate });
  await them.send(
    methodsOf(auth),
    { method: 'run', arguments: [1] },
    { method: 'run', arguments: [2] },
  );
  decide('ali');
  await turns(2);
  await them.send({ method: 'run', arguments: [3] });
  expect(order).toEqual([1, 2, 3]);
  expect(them.got[1]).toMatchObject({ method: 'methods', arguments: [{ run: '[Function]' }] });
});

test.each([
  ['false', () => false],
  ['null', () => null],
  ['undefined', () => undefined],
  [
    'a throw',
    () => {
      throw new Error('no');
    },
  ],
  ['a rejection', () => Promise.reject(new Error('no'))],
])('%s refuses: the reason is said, and nothing has run', async (_, authenticate) => {
  const run = vi.fn();
  const them = new Peer({ api: { run }, authenticate });
  await them.send(methodsOf(auth), { method: 'run', arguments: [] });
  expect(them.closed).toMatchObject({ code: 'ERR_AUTH' });
  expect(them.recorder.closes).toEqual([undefined]);
  expect(run).not.toHaveBeenCalled();
});

test('what waits for admission is bounded', async () => {
  const { authenticate } = door();
  const them = new Peer({ api: { run() {} }, authenticate });
  const flood = Array.from({ length: 1_001 }, () => ({ method: 'run', arguments: [] }));
  await them.send(methodsOf(auth), ...flood.slice(1));
  expect(them.session.ended).toBe(false);
  const others = new Peer({ api: { run() {} }, authenticate });
  await others.send(methodsOf(auth), ...flood);
  expect(others.closed).toMatchObject({ code: 'ERR_LIMIT' });
});

test('an admitted peer that cannot be sent the api ends its session, not the process', async () => {
  // A plain peer knows no bigint.
  const them = await peer({ api: { big: 1n }, authenticate: () => 'anybody', hello: null });
  expect(them.closed).toMatchObject({ code: 'ERR_API' });
  expect(them.errors).toHaveLength(1);
});

test('the end of a session while it is being decided is the end', async () => {
  const run = vi.fn();
  const { authenticate, decide } = door();
  const them = new Peer({ api: { run }, authenticate });
  await them.send(methodsOf(auth), { method: 'run', arguments: [] });
  them.session.close();
  decide('ali');
  await turns(2);
  expect(run).not.toHaveBeenCalled();
  expect(them.got).toHaveLength(1);
});

test('a plain peer has no credentials, and is let in without any where that is wanted', async () => {
  const asked: unknown[] = [];
  const them = await peer({
    api: { run: () => 1 },
    hello: null,
    authenticate: (given) => {
      asked.push(given);
      return 'anybody';
    },
  });
  expect(asked).toEqual([undefined]);
  expect(them.last).toMatchObject({ method: 'methods', arguments: [{ run: '[Function]' }] });
});

test('a dialer learns ERR_AUTH, and so do calls that it made already', async () => {
  const { a, b } = await sessionPair({
    a: { auth: 'wrong' },
    b: { api: { run: () => 1 }, authenticate: (given) => given === 'right' },
  });
  expect(a.ended && b.ended).toBe(true);
  await expect(a.call('run', [])).rejects.toMatchObject({ code: 'ERR_AUTH', mayHaveRun: false });
});

test('a dialer is ready once the api of a server that asks has come', async () => {
  const { authenticate, decide } = door();
  const { a } = await sessionPair({ a: { auth: 1 }, b: { api: { run: () => 1 }, authenticate } });
  expect(a.ready).toBe(false);
  decide('ali');
  await turns(2);
  expect(a.ready).toBe(true);
  expect(Object.keys(a.remote)).toEqual(['run']);
});
