import net from 'node:net';
import { RpcTarget, newWebSocketRpcSession } from 'capnweb';
import { dial, Exposed, serve } from 'dservice';
import WebSocket, { WebSocketServer } from 'ws';
import { median } from './figures.mjs';

/** ms that a proxy holds back what passes, each way. */
const delay = 50;

const latest = { id: 2, total: 32 };

class Orders extends Exposed {
  latest() {
    return latest;
  }
}
class User extends Exposed {
  orders() {
    return new Orders();
  }
}

class CapnOrders extends RpcTarget {
  latest() {
    return latest;
  }
}
class CapnUser extends RpcTarget {
  orders() {
    return new CapnOrders();
  }
}
class CapnApi extends RpcTarget {
  user() {
    return new CapnUser();
  }
}

/** What is timed: one call, three of which each stands on the one before, and the same with each awaited. */
const tasks = {
  one: (remote) => remote.user('ann'),
  chain: (remote) => remote.user('ann').orders().latest().total,
  awaited: async (remote) => (await (await (await remote.user('ann')).orders()).latest()).total,
};

/**
 * ms of one round trip and of a chain of three calls, with 50 ms each way: `{ ours-tcp: { one, chain, ratio, awaited },
 * … }`, medians; `ratio` is that of chain ÷ one in the same round.
 */
export async function measureRoundTrips({ rounds }) {
  const cleanups = [];
  try {
    const server = await serve({ user: () => new User() }, { port: 0 });
    cleanups.push(() => server.close());
    const { port } = new URL(server.endpoints[0]);
    const held = await holdBack(Number(port), cleanups);
    const sockets = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false });
    cleanups.push(() => sockets.close());
    sockets.on('connection', (ws) => newWebSocketRpcSession(ws, new CapnApi()));
    await new Promise((resolve) => sockets.once('listening', resolve));
    const capn = await holdBack(sockets.address().port, cleanups);
    globalThis.WebSocket ??= WebSocket;
    const ws = new WebSocket(`ws://127.0.0.1:${capn}`, { perMessageDeflate: false });
    await new Promise((resolve) => ws.once('open', resolve));
    cleanups.push(() => ws.terminate());
    const remotes = {
      'dservice over TCP': await dial(`tcp://127.0.0.1:${held}`),
      'dservice over WebSocket': await dial(`ws://127.0.0.1:${held}`),
      'capnweb over WebSocket': newWebSocketRpcSession(ws),
    };
    const results = {};
    for (const [name, remote] of Object.entries(remotes)) {
      const figures = { one: [], chain: [], awaited: [], ratio: [] };
      for (let round = 0; round <= rounds; round++) {
        for (const [task, run] of Object.entries(tasks)) {
          const began = performance.now();
          await run(remote);
          figures[task].push(performance.now() - began);
        }
        figures.ratio.push(figures.chain.at(-1) / figures.one.at(-1));
        // The first is there to warm up.
        if (round === 0) for (const list of Object.values(figures)) list.length = 0;
      }
      results[name] = Object.fromEntries(
        Object.entries(figures).map(([task, all]) => [task, median(all)]),
      );
    }
    return results;
  } finally {
    for (const cleanup of cleanups.reverse()) cleanup();
  }
}

/** A port at which all that passes to another one is held back, in order. */
async function holdBack(port, cleanups) {
  const proxy = net.createServer((near) => {
    const far = net.connect(port, '127.0.0.1');
    for (const [from, to] of [
      [near, far],
      [far, near],
    ]) {
      from.setNoDelay(true);
      from.on('data', (data) => setTimeout(() => to.write(data), delay));
      from.on('close', () => to.destroy());
      from.on('error', () => {});
    }
  });
  await new Promise((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  cleanups.push(() => proxy.close());
  return proxy.address().port;
}
