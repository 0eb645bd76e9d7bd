import { describe, expect, test } from 'vitest';
import { codeOf, makeHost } from '../testing/fixtures/instances.js';
import { options } from '../protocol/options.js';

// oxlint-disable-next-line no-explicit-any
type Loose = any;

/** A service in so many instances, of which each knows who it is, and one who calls it. */
async function service(instances: number) {
  const { host, dservice, make } = makeHost();
  const calls: string[] = [];
  const all = await Promise.all(
    Array.from({ length: instances }, async (_, i) => {
      const made = make('shop@1.0.0', {
        user: (id: number) => ({
          id,
          at: i,
          orders: () => [
            { id: 1, at: () => i },
            { id: 2, at: () => i },
          ],
        }),
        at: () => i,
        save(user: { id: number }, note: string) {
          calls.push(`${i} ${note}`);
          return [i, user.id];
        },
        add: (x: number, y: number) => x + y,
        fail: () => {
          throw new Error('no');
        },
      });
      await made.start();
      return made;
    }),
  );
  const remote = await dservice().connect('shop');
  return { host, dservice, remote, all, calls };
}

describe('what is asked of an outcome', () => {
  test('is asked of the instance that has the call', async () => {
    const { remote } = await service(3);
    for (let i = 0; i < 20; i++) {
      const user = remote.user(7);
      const [at, orders] = await Promise.all([user.at, user.orders().map((it: Loose) => it.at())]);
      expect(orders).toEqual([at, at]);
    }
  });

  test('of arguments as well', async () => {
    const { remote } = await service(3);
    // Until all are connected: who has the call is not known before.
    for (let i = 0; i < 20; i++) await remote.at();
    for (let i = 0; i < 20; i++) {
      const user = remote.user(7);
      expect(await remote.save(user, 'x')).toEqual([(await user).at, 7]);
    }
    expect(await remote.add(remote.add(1, 2), remote.user(4).id)).toBe(7);
  });

  test('before it is connected', async () => {
    const { dservice } = await service(1);
    const remote = await dservice().connect('shop');
    expect(
      await remote
        .user(3)
        .orders()
        .map((it: Loose) => it.id),
    ).toEqual([1, 2]);
  });

  test('in a map, the service itself may be called', async () => {
    const { remote } = await service(2);
    const sums = await remote
      .user(1)
      .orders()
      .map((order: Loose) => remote.add(order.id, 10));
    expect(sums).toEqual([11, 12]);
  });

  test('with options, and with the errors of what it stands on', async () => {
    const { remote } = await service(2);
    expect(await options(remote.user(1), { deadline: 500 }).orders()).toHaveLength(2);
    expect(await codeOf(remote.user(1).nothing())).toBe('ERR_METHOD');
    const failed = remote.fail();
    await expect(failed.of.that()).rejects.toThrow('no');
    await expect(remote.save(failed, 'x')).rejects.toThrow('no');
  });

  test('goes where the call goes when its instance is lost', async () => {
    const { remote, all, calls } = await service(2);
    await remote.at();
    const user = options(remote, { idempotent: true }).user(1);
    const saved = remote.save(user, 'once');
    await Promise.all(all.slice(0, 1).map((it) => it.stop()));
    expect((await saved)[1]).toBe(1);
    expect(calls).toHaveLength(1);
  });
});
