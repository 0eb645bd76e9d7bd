import { once } from 'node:events';
import { connect } from 'node:net';
import { MessageChannel } from 'node:worker_threads';
import { describe, expect, onTestFinished, test } from 'vitest';
import { staticDiscovery } from '../src/discovery/static.js';
import { nodeClock } from './clock.js';
import { Detour } from './fixtures/detour.js';
import dservice, { dial, type Dialled, Exposed, type Released, serve, sessionOf } from './index.js';

class Cart extends Exposed {
  readonly #told: (how: Released) => void;
  finish: (text: string) => void = () => {};

  constructor(told: (how: Released) => void) {
    super();
    this.#told = told;
  }

  add(n: number): number {
    return n + 1;
  }

  slow(): Promise<string> {
    return new Promise((resolve) => (this.finish = resolve));
  }

  [Exposed.released](how: Released): void {
    this.#told(how);
  }
}

/** Carts, and who is told of them. */
function shop() {
  const told: Released[] = [];
  const waiting = new Set<() => void>();
  const carts: Cart[] = [];
  const cart = (): Cart => {
    const made = new Cart((how) => {
      told.push(how);
      for (const look of waiting) look();
    });
    carts.push(made);
    return made;
  };
  const all = async (count: number): Promise<readonly Released[]> => {
    await new Promise<void>((resolve) => {
      const look = (): void => {
        if (told.length < count) return;
        waiting.delete(look);
        resolve();
      };
      waiting.add(look);
      look();
    });
    return told;
  };
  return { told, all, carts, api: { cart, ping: () => 'pong' } };
}
type Api = ReturnType<typeof shop>['api'];

/** Collects until it is told. */
async function collect(until: () => boolean): Promise<void> {
  for (let i = 0; i === 0 || (i < 200 && !until()); i++) {
    globalThis.gc?.();
    await new Promise((resolve) => setImmediate(resolve));
  }
}

type Way = () => Promise<ReturnType<typeof shop> & { remote: Dialled<Api> }>;

const ways: [name: string, way: Way][] = [
  [
    'TCP',
    async () => {
      const it = shop();
      const server = await serve(it.api, { port: 0, host: '127.0.0.1' });
      onTestFinished(() => server.close());
      const remote = await dial<Api>(server.endpoints[0]!);
      onTestFinished(() => sessionOf(remote)?.close());
      return { ...it, remote };
    },
  ],
  [
    'MessagePort',
    async () => {
      const it = shop();
      const { port1, port2 } = new MessageChannel();
      const [server, remote] = await Promise.all([serve(it.api, port1), dial<Api>(port2)]);
      onTestFinished(() => server.close());
      onTestFinished(() => sessionOf(remote)?.close());
      return { ...it, remote };
    },
  ],
];

describe.each(ways)('over %s, the owner of an object is told', (_name, way) => {
  test('of `using`', async () => {
    const { remote, told, all } = await way();
    {
      using cart = await remote.cart();
      expect(await cart.add(1)).toBe(2);
      expect(told).toEqual([]);
    }
    expect((await all(1))[0]).toMatchObject({ last: true });
  });

  test('of what was collected, when no call of it runs any more', async () => {
    const { remote, told, carts } = await way();
    const [slow] = await (async () => {
      const cart = await remote.cart();
      expect(await cart.add(1)).toBe(2);
      const outcome = cart.slow();
      await remote.ping();
      return [outcome];
    })();
    expect(sessionOf(remote)?.tables.references).toBeGreaterThan(2);
    await collect(() => sessionOf(remote)?.tables.references === 2);
    await remote.ping();
    expect(sessionOf(remote)?.tables.references).toBe(2);
    expect(told).toEqual([]);
    carts[0]?.finish('done');
    expect(await slow).toBe('done');
    await collect(() => told.length > 0);
    expect(told).toHaveLength(1);
  });

  test('of the end of the session', async () => {
    const { remote, all } = await way();
    await remote.cart();
    await remote.cart();
    remote[Symbol.dispose]();
    expect(await all(2)).toHaveLength(2);
  });
});

test('a peer that is lost has let go', async () => {
  const it = shop();
  const server = await serve(it.api, { port: 0, host: '127.0.0.1' });
  onTestFinished(() => server.close());
  const socket = connect(Number(new URL(server.endpoints[0]!).port), '127.0.0.1');
  await once(socket, 'connect');
  // A plain one of 2011.
  socket.write('{"method":"methods","arguments":[{}],"callbacks":{},"links":[]}\n');
  socket.write('{"method":"cart","arguments":["[Function]"],"callbacks":{"0":["0"]},"links":[]}\n');
  for await (const data of socket) if (String(data).includes('"method":0')) break;
  socket.destroy();
  expect((await it.all(1))[0]).toMatchObject({ last: true, peer: { transport: 'tcp' } });
});

test('a session that is cut and goes on has let go of nothing', async () => {
  const it = shop();
  const logger = { warn() {} };
  const discovery = staticDiscovery({ clock: nodeClock, instances: [] });
  const service = dservice('shop', it.api, { discovery, logger });
  onTestFinished(() => service.stop(0));
  await service.start();
  const port = Number(new URL(service.endpoints[0]!).port);
  const detour = new Detour({ port, host: '127.0.0.1' });
  onTestFinished(() => detour.close());
  const instances = [{ name: 'shop', endpoints: [`tcp://127.0.0.1:${await detour.listen()}`] }];
  const caller = dservice({ discovery: staticDiscovery({ clock: nodeClock, instances }), logger });
  onTestFinished(() => caller.stop());
  const remote = await caller.connect<Api>('shop');
  const cart = await remote.cart();
  detour.cut('reset');
  detour.mend();
  expect(await cart.add(2)).toBe(3);
  expect(it.told).toEqual([]);
  cart[Symbol.dispose]();
  expect(await it.all(1)).toHaveLength(1);
  // And what is held when it ends for good.
  await remote.cart();
  await caller.stop();
  expect(await it.all(2)).toHaveLength(2);
});
