// Ours, over TCP, a unix socket or a WebSocket.
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dial, serve as serveApi, sessionOf } from 'dservice';
import { drain, flow } from '../flow.mjs';
import { api } from './api.mjs';

/** Ten methods: what a session takes depends on how many there are. */
const ten = { ...api };
for (let i = Object.keys(api).length; i < 10; i++) ten[`other${i}`] = (text) => text;

const limits = { sessions: 100_000, sessionsPerAddress: 100_000 };

const served = [];
let kept = 0;

/** What there is still when all is closed: sessions that are served, and whatever dialled ones have in their tables. */
export function left() {
  return served.reduce((sum, { sessions }) => sum + sessions.size, kept);
}

/** @param {'tcp' | 'unix' | 'ws'} path */
export async function serve(path) {
  const file = join(tmpdir(), `dservice-bench-${process.pid}`);
  const at = path === 'unix' ? { path: file, port: false } : { port: 0 };
  const server = await serveApi(ten, { ...at, limits });
  const [endpoint] = server.endpoints;
  served.push(server);
  return {
    endpoint: path === 'ws' ? endpoint.replace('tcp:', 'ws:') : endpoint,
    async close() {
      await server.close();
      if (path === 'unix') await rm(file, { force: true });
    },
  };
}

export async function connect(endpoint) {
  const remote = await dial(endpoint);
  return {
    shout: (text) => remote.shout(text),
    echo: (object) => remote.echo(object),
    down: async (total) => drain(await remote.flow(total)),
    up: (total) => remote.drain(flow(total)),
    tell: (callback) => remote.tell(callback),
    close() {
      const session = sessionOf(remote);
      session.close();
      for (const size of Object.values(session.tables)) kept += size;
    },
  };
}
