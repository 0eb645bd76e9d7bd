// tRPC over a WebSocket of the `ws` package.
import { createTRPCClient, createWSClient, wsLink } from '@trpc/client';
import { initTRPC } from '@trpc/server';
import { applyWSSHandler } from '@trpc/server/adapters/ws';
import WebSocket, { WebSocketServer } from 'ws';
import { api } from './api.mjs';

// Its client asks for the global class, which older Nodes lack.
globalThis.WebSocket ??= WebSocket;

const t = initTRPC.create();
const given = (input) => input;
const router = t.router({
  shout: t.procedure.input(given).query(({ input }) => api.shout(input)),
  echo: t.procedure.input(given).query(({ input }) => api.echo(input)),
});

export async function serve() {
  const wss = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false });
  applyWSSHandler({ wss, router });
  await new Promise((resolve) => wss.once('listening', resolve));
  return { endpoint: `ws://127.0.0.1:${wss.address().port}`, close: () => wss.close() };
}

export async function connect(endpoint) {
  const client = createWSClient({ url: endpoint });
  const remote = createTRPCClient({ links: [wsLink({ client })] });
  return {
    shout: (text) => remote.shout.query(text),
    echo: (object) => remote.echo.query(object),
    close: () => client.close(),
  };
}
