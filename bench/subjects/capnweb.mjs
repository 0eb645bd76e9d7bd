// capnweb over a WebSocket of the `ws` package.
import { newWebSocketRpcSession, RpcTarget } from 'capnweb';
import WebSocket, { WebSocketServer } from 'ws';
import { drain, flow } from '../flow.mjs';
import { api } from './api.mjs';

// It asks for the constants of the global class, which older Nodes lack.
globalThis.WebSocket ??= WebSocket;

class Api extends RpcTarget {
  shout(text) {
    return api.shout(text);
  }

  echo(object) {
    return api.echo(object);
  }

  flow(total) {
    return api.flow(total);
  }

  drain(stream) {
    return api.drain(stream);
  }
}

export async function serve() {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false });
  server.on('connection', (ws) => {
    ws.on('error', () => {});
    newWebSocketRpcSession(ws, new Api());
  });
  await new Promise((resolve) => server.once('listening', resolve));
  return { endpoint: `ws://127.0.0.1:${server.address().port}`, close: () => server.close() };
}

export async function connect(endpoint) {
  const ws = new WebSocket(endpoint, { perMessageDeflate: false });
  ws.on('error', () => {});
  await new Promise((resolve) => ws.once('open', resolve));
  const remote = newWebSocketRpcSession(ws);
  return {
    shout: (text) => remote.shout(text),
    echo: (object) => remote.echo(object),
    down: async (total) => drain(await remote.flow(total)),
    up: (total) => remote.drain(flow(total)),
    close: () => ws.terminate(),
  };
}
