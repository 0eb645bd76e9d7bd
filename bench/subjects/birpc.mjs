// birpc over a WebSocket of the `ws` package, with JSON.
import { createBirpc } from 'birpc';
import WebSocket, { WebSocketServer } from 'ws';
import { api } from './api.mjs';

const { shout, echo } = api;

function speak(ws, functions) {
  ws.on('error', () => {});
  return createBirpc(functions, {
    post: (data) => ws.send(data),
    on: (listener) => ws.on('message', listener),
    serialize: JSON.stringify,
    deserialize: JSON.parse,
  });
}

export async function serve() {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false });
  server.on('connection', (ws) => speak(ws, { shout, echo }));
  await new Promise((resolve) => server.once('listening', resolve));
  return { endpoint: `ws://127.0.0.1:${server.address().port}`, close: () => server.close() };
}

export async function connect(endpoint) {
  const ws = new WebSocket(endpoint, { perMessageDeflate: false });
  const remote = speak(ws, {});
  await new Promise((resolve) => ws.once('open', resolve));
  return {
    shout: (text) => remote.shout(text),
    echo: (object) => remote.echo(object),
    close: () => ws.terminate(),
  };
}
