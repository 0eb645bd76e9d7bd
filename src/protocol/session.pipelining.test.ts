import { describe, expect, test } from 'vitest';
import { codeOf, peer, sessionPair } from '../testing/fixtures/peer.js';
import { turns } from '../testing/recorder.js';
import { Exposed } from './exposed.js';

/** A remote in which anything is reached: the tests say by what they await what it has to be. */
// oxlint-disable-next-line no-explicit-any
type Loose = any;

class User extends Exposed {
  readonly #orders = [
    { id: 1, total: 10 },
    { id: 2, total: 32 },
  ];
  name(): string {
    return 'ann';
  }
  async orders(): Promise<object> {
    return { latest: () => this.#orders[1], all: this.#orders, count: { of: 2 } };
  }
}

const api = {
  user: async (token: string) => {
    if (token !== 'secret') throw Object.assign(new Error('who?'), { code: 'WHO' });
    return new User();
  },
  add: (x: number, y: number) => x + y,
  echo: (...values: unknown[]) => values,
  fail: () => {
    throw new Error('no');
  },
  users: () => [new User(), new User()],
  numbers: (n: number) => Array.from({ length: n }, (_, i) => ({ n: i })),
  nothing: () => {},
  slow: (value: unknown) => new Promise((fulfil) => void turns(3).then(() => fulfil(value))),
};

/** A remote of that api, and how many pieces have crossed to its side and back. */
async function pair() {
  const { a, b } = await sessionPair({ b: { api } });
  return { a, b, remote: a.remote as Loose };
}

describe('pipelining', () => {
  test('calls and reads of outcomes that are not there', async () => {
    const { remote, a, b } = await pair();
    expect(await remote.user('secret').orders().latest().total).toBe(32);
    expect(await remote.user('secret').name()).toBe('ann');
    expect(await remote.user('secret').orders().count.of).toBe(2);
    expect(await remote.user('secret').orders().all).toEqual([
      { id: 1, total: 10 },
      { id: 2, total: 32 },
    ]);
    expect(await remote.user('secret').orders().none).toBeUndefined();
    expect(a.tables.pending + b.tables.serving).toBe(0);
  });

  test('outcomes as arguments', async () => {
    const { remote } = await pair();
    const sum = remote.add(remote.add(1, 2), remote.slow(4));
    expect(
      await remote.echo(sum, { deep: [sum, remote.user('secret').orders().count.of] }),
    ).toEqual([7, { deep: [7, 2] }]);
    expect(await remote.echo(new Map([['sum', remote.add(1, 1)]]))).toEqual([
      new Map([['sum', 2]]),
    ]);
  });

  test('promises of others are awaited first', async () => {
    const { remote } = await pair();
    const { remote: other } = await pair();
    expect(await remote.add(Promise.resolve(1), other.add(1, 1))).toBe(3);
    expect(await codeOf(remote.add(other.user('x'), 1))).toBe('WHO');
  });

  test('an error is that of all that stands on it', async () => {
    const { remote } = await pair();
    const user = remote.user('wrong');
    const codes = [user, user.orders(), user.orders().latest(), remote.echo(user), user.name];
    expect(await Promise.all(codes.map((it) => codeOf(it as Promise<unknown>)))).toEqual(
      Array.from({ length: 5 }, () => 'WHO'),
    );
    expect(await codeOf(remote.user('secret').none())).toBe('ERR_METHOD');
    expect(await codeOf(remote.user('secret').none.of())).toBe('ERR_METHOD');
    expect(await codeOf(remote.add(1, 2).toFixed())).toBe('ERR_METHOD');
    expect(await codeOf(remote.echo(1).push(2))).toBe('ERR_METHOD');
  });

  test('map', async () => {
    const { remote } = await pair();
    expect(await remote.users().map((user: Loose) => user.name())).toEqual(['ann', 'ann']);
    expect(
      await remote.users().map((user: Loose) => ({
        name: user.name(),
        total: user.orders().latest().total,
        sum: remote.add(user.orders().count.of, 1),
        is: 'user',
      })),
    ).toEqual(Array.from({ length: 2 }, () => ({ name: 'ann', total: 32, sum: 3, is: 'user' })));
    expect(await remote.numbers(100).map((it: Loose) => it.n)).toEqual(
      Array.from({ length: 100 }, (_, i) => i),
    );
    expect(await remote.user('secret').map((user: Loose) => user.name())).toBe('ann');
    expect(await remote.nothing().map((it: Loose) => it.n)).toBeUndefined();
    expect(
      await remote.users().map((user: Loose) => user.orders().all.map((order: Loose) => order.id)),
    ).toEqual([
      [1, 2],
      [1, 2],
    ]);
    expect(await remote.numbers(2).map((it: Loose) => it)).toEqual([{ n: 0 }, { n: 1 }]);
    expect(await remote.numbers(2).map(() => 5)).toEqual([5, 5]);
  });

  test('one message a call, and nothing is left', async () => {
    const them = await peer();
    void them.session.call('user', ['secret']).catch(() => {});
    const remote = them.session.call('user', ['secret']) as Loose;
    const total = remote
      .orders()
      .latest()
      .total.then((it: unknown) => it);
    await turns(1);
    const got = them.got.slice(-5);
    expect(got).toMatchObject([
      { method: 'user', arguments: ['secret'], reply: 0 },
      { method: 'user', arguments: ['secret'], reply: 1, keep: true },
      { on: 1, method: ['orders'], arguments: [], reply: 2, keep: true },
      { on: 2, method: ['latest'], arguments: [], reply: 3, keep: true },
      { on: 3, method: ['total'], reply: 4 },
    ]);
    expect(got[0]).not.toHaveProperty('keep');
    expect(got[4]).not.toHaveProperty('arguments');
    await them.send({ method: 1, arguments: [null, {}] }, { method: 4, arguments: [null, 5] });
    expect(await total).toBe(5);
    expect(them.got.slice(-1)).toEqual([{ control: 'release', call: 1 }]);
  });
});
