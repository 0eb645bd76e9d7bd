// Bytes there and back without a protocol: one echo at a time. Over TCP their length goes before them; a WebSocket has frames.
import { connect as connectSocket, createServer } from 'node:net';
import WebSocket, { WebSocketServer } from 'ws';

/** @param {'tcp' | 'ws'} path */
export async function serve(path) {
  if (path === 'ws') {
    const options = { host: '127.0.0.1', port: 0, perMessageDeflate: false };
    const server = new WebSocketServer(options);
    server.on('connection', (ws) => {
      ws.on('error', () => {});
      ws.on('message', (data) => ws.send(data));
    });
    await new Promise((resolve) => server.once('listening', resolve));
    return { endpoint: `ws://127.0.0.1:${server.address().port}` };
  }
  const server = createServer((socket) => {
    socket.on('error', () => {});
    const send = speak(socket, (bytes) => send(bytes));
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { endpoint: String(server.address().port) };
}

export async function connect(endpoint) {
  let settle;
  const answered = () => new Promise((resolve) => (settle = resolve));
  if (endpoint.startsWith('ws:')) {
    const ws = new WebSocket(endpoint, { perMessageDeflate: false });
    ws.on('message', (data) => settle(data));
    await new Promise((resolve) => ws.once('open', resolve));
    const echo = (bytes) => {
      ws.send(bytes);
      return answered();
    };
    return { echo, close: () => ws.terminate() };
  }
  const socket = connectSocket({ host: '127.0.0.1', port: Number(endpoint) });
  await new Promise((resolve) => socket.once('connect', resolve));
  const send = speak(socket, (bytes) => settle(bytes));
  const echo = (bytes) => {
    send(bytes);
    return answered();
  };
  return { echo, close: () => socket.destroy() };
}

/** Hands over each whole message, in a buffer of its own; returns what sends one. */
function speak(socket, onMessage) {
  socket.setNoDelay(true);
  const head = Buffer.alloc(4);
  let got = 0;
  let body;
  socket.on('data', (data) => {
    for (let at = 0; at < data.length;) {
      const into = got < 4 ? head : body;
      const from = got < 4 ? got : got - 4;
      const count = Math.min(into.length - from, data.length - at);
      data.copy(into, from, at, at + count);
      got += count;
      at += count;
      if (got === 4) body = Buffer.allocUnsafeSlow(head.readUInt32LE());
      if (got < 4 || got < 4 + body.length) continue;
      got = 0;
      onMessage(body);
    }
  });
  return (bytes) => {
    const head = Buffer.alloc(4);
    head.writeUInt32LE(bytes.length);
    socket.cork();
    socket.write(head);
    socket.write(bytes);
    socket.uncork();
  };
}
