// TCP or a unix socket without a protocol: newline JSON, one write per turn.
import { rm } from 'node:fs/promises';
import { connect as connectSocket, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { answer, makeCaller } from './bare.mjs';

/** @param {'tcp' | 'unix'} path */
export async function serve(path) {
  const file = join(tmpdir(), `dservice-bench-bare-${process.pid}`);
  const sockets = new Set();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    const send = speak(socket, (call) => send(answer(call)));
  });
  const at = path === 'unix' ? { path: file } : { host: '127.0.0.1', port: 0 };
  await new Promise((resolve) => server.listen(at, resolve));
  return {
    endpoint: path === 'unix' ? file : String(server.address().port),
    async close() {
      server.close();
      for (const socket of sockets) socket.destroy();
      if (path === 'unix') await rm(file, { force: true });
    },
  };
}

export async function connect(endpoint) {
  const at = /^\d+$/.test(endpoint)
    ? { host: '127.0.0.1', port: Number(endpoint) }
    : { path: endpoint };
  const socket = connectSocket(at);
  socket.on('error', () => {});
  await new Promise((resolve) => socket.once('connect', resolve));
  const { settle, ...client } = makeCaller((call) => send(call));
  const send = speak(socket, settle);
  return { ...client, close: () => socket.destroy() };
}

/** Reads messages from a socket; returns what sends one. */
function speak(socket, onMessage) {
  socket.setNoDelay(true);
  socket.setEncoding('utf8');
  let rest = '';
  socket.on('data', (text) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop();
    for (const line of lines) onMessage(JSON.parse(line));
  });
  let out = '';
  const flush = () => {
    socket.write(out);
    out = '';
  };
  return (message) => {
    if (out === '') setImmediate(flush);
    out += `${JSON.stringify(message)}\n`;
  };
}
