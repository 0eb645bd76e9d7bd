// A stream of bytes without a protocol, with back-pressure by `pipeline()`: one on each connection. At first the client
// says how many bytes the server is to send; or 0, and how many it is to take, and it answers with how many came.
import { connect as connectSocket, createServer } from 'node:net';
import { pipeline } from 'node:stream/promises';
import WebSocket, { createWebSocketStream, WebSocketServer } from 'ws';
import { nodeDrain, nodeFlow } from '../node-flow.mjs';

/** @param {'tcp' | 'ws'} path */
export async function serve(path) {
  if (path === 'ws') {
    const options = { host: '127.0.0.1', port: 0, perMessageDeflate: false };
    const server = new WebSocketServer(options);
    server.on('connection', (ws) => {
      answer(createWebSocketStream(ws)).catch(() => {});
    });
    await new Promise((resolve) => server.once('listening', resolve));
    return { endpoint: `ws://127.0.0.1:${server.address().port}` };
  }
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    answer(socket).catch(() => {});
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { endpoint: String(server.address().port) };
}

async function answer(stream) {
  const head = await read(stream, 8);
  const total = Number(head.readBigUInt64LE());
  if (total > 0) return pipeline(nodeFlow(total), stream);
  const expected = Number((await read(stream, 8)).readBigUInt64LE());
  let size = 0;
  for await (const bytes of stream.iterator({ destroyOnReturn: false })) {
    size += bytes.length;
    if (size >= expected) break;
  }
  stream.end(say(size));
}

function say(...numbers) {
  const bytes = Buffer.alloc(8 * numbers.length);
  for (const [i, number] of numbers.entries()) bytes.writeBigUInt64LE(BigInt(number), 8 * i);
  return bytes;
}

/** The first bytes of a stream. */
async function read(stream, count) {
  for (let bytes; ;) {
    if ((bytes = stream.read(count)) !== null) return bytes;
    await new Promise((resolve) => stream.once('readable', resolve));
  }
}

async function open(endpoint) {
  if (endpoint.startsWith('ws:')) {
    const ws = new WebSocket(endpoint, { perMessageDeflate: false });
    await new Promise((resolve) => ws.once('open', resolve));
    return createWebSocketStream(ws);
  }
  const socket = connectSocket({ host: '127.0.0.1', port: Number(endpoint) });
  await new Promise((resolve) => socket.once('connect', resolve));
  return socket;
}

export async function connect(endpoint) {
  return {
    async down(total) {
      const stream = await open(endpoint);
      stream.write(say(total));
      const sink = nodeDrain();
      await pipeline(stream, sink);
      return sink.size;
    },
    async up(total) {
      const stream = await open(endpoint);
      stream.write(say(0, total));
      await pipeline(nodeFlow(total), stream, { end: false });
      const size = Number((await read(stream, 8)).readBigUInt64LE());
      stream.destroy();
      return size;
    },
    close() {},
  };
}
