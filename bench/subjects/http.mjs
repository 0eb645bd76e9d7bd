// Servers of several calls in one HTTP request, in a process of their own: tells their ports.
import { createServer } from 'node:http';
import { initTRPC } from '@trpc/server';
import { createHTTPServer } from '@trpc/server/adapters/standalone';
import { nodeHttpBatchRpcResponse, RpcTarget } from 'capnweb';
import { Exposed, serve } from 'dservice';

const shout = (text) => text.toUpperCase();
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
  shout(text) {
    return shout(text);
  }
  user() {
    return new CapnUser();
  }
}

const ours = await serve({ shout, user: () => new User() }, { port: 0 });

const capnweb = createServer((request, response) => {
  void nodeHttpBatchRpcResponse(request, response, new CapnApi());
});

const { router, procedure } = initTRPC.create();
const text = procedure.input((value) => String(value));
const trpc = createHTTPServer({
  router: router({
    shout: text.mutation(({ input }) => shout(input)),
    user: text.mutation(() => 1),
    orders: text.mutation(() => 2),
    latest: text.mutation(() => latest),
  }),
});

const listening = (server) =>
  new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server.address().port)));

process.send({
  dservice: Number(new URL(ours.endpoints[0]).port),
  capnweb: await listening(capnweb),
  trpc: await listening(trpc),
});
