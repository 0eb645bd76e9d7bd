// The `ws` package without a protocol: one JSON message per call.
import WebSocket, { WebSocketServer } from 'ws';
import { answer, makeCaller } from './bare.mjs';

export async function serve() {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false });
  server.on('connection', (ws) => {
    ws.on('error', () => {});
    ws.on('message', (data) => ws.send(JSON.stringify(answer(JSON.parse(data)))));
  });
  await new Promise((resolve) => server.once('listening', resolve));
  return { endpoint: `ws://127.0.0.1:${server.address().port}`, close: () => server.close() };
}

export async function connect(endpoint) {
  const ws = new WebSocket(endpoint, { perMessageDeflate: false });
  ws.on('error', () => {});
  const { settle, ...client } = makeCaller((call) => ws.send(JSON.stringify(call)));
  ws.on('message', (data) => settle(JSON.parse(data)));
  await new Promise((resolve) => ws.once('open', resolve));
  return { ...client, close: () => ws.terminate() };
}
