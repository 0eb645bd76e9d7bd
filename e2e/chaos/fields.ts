import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { type BrowserContext, chromium } from 'playwright';
import { chromiumFlags, chromiumPath } from '../../scripts/chromium.mjs';
import { cannotStartRedis, RedisServer } from '../../scripts/redis.mjs';
import { cut } from './cut.js';
import { type Fact, now, type Told } from './history.js';
import { type Prey, type PreySettings, ProcessPrey } from './prey.js';
import { TabPrey } from './tab-prey.js';

/** Where the hunt takes place: a store, and workers on it. */
export interface Field {
  /** `crashes`: how it is to be killed, where there is more than one way. */
  start(settings: PreySettings, crashes: boolean): Prey;
  /** Where the store is a server. `cut`: ends all connections to it, and the answers that were under way are lost. */
  readonly server?: { kill(): Promise<void>; start(): Promise<unknown>; cut(): Promise<unknown> };
  close(): Promise<void>;
}

export const storeNames = ['lmdb', 'redis', 'indexeddb'] as const;
export type StoreName = (typeof storeNames)[number];

/** Why there is no such field on this machine; undefined if there is. */
export function lacking(store: StoreName): string | undefined {
  if (store === 'redis') return cannotStartRedis();
  if (store === 'indexeddb' && chromiumPath() === undefined) return 'there is no Chromium';
  return undefined;
}

export function openField(store: StoreName): Promise<Field> {
  return { lmdb: openLmdb, redis: openRedis, indexeddb: openIndexedDb }[store]();
}

async function openFolder(): Promise<{ folder: string; remove: () => Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'dservice-chaos-'));
  return { folder, remove: () => rm(folder, { recursive: true, force: true, maxRetries: 3 }) };
}

async function openLmdb(): Promise<Field> {
  const { folder, remove } = await openFolder();
  const store = { folder: join(folder, 'store') };
  return {
    start: (settings) => new ProcessPrey(folder, store, settings),
    close: remove,
  };
}

async function openRedis(): Promise<Field> {
  const { folder, remove } = await openFolder();
  // `everysec` may answer before it has written, and a kill may lose that: so it is said of the store.
  const server = await new RedisServer({ appendfsync: 'always' }).start();
  const store = { url: server.url, partitions: 2 };
  return {
    start: (settings) => new ProcessPrey(folder, store, settings),
    server: {
      kill: () => server.kill(),
      start: () => server.start(),
      cut: () => cut(server),
    },
    async close() {
      await server.stop();
      await remove();
    },
  };
}

async function openIndexedDb(): Promise<Field> {
  const { folder, remove } = await openFolder();
  const written = new Map<string, Fact[]>();
  const site = await openSite(written);
  const { port } = site.address() as AddressInfo;
  const executablePath = chromiumPath();
  // A profile on the disk: without one, what is stored would be in memory.
  const context: BrowserContext = await chromium.launchPersistentContext(folder, {
    ...(executablePath === undefined ? {} : { executablePath }),
    args: chromiumFlags,
  });
  return {
    start(settings, crashes) {
      const facts: Fact[] = [];
      written.set(settings.name, facts);
      const url = `http://127.0.0.1:${port}/`;
      return new TabPrey(context, url, { database: 'chaos' }, settings, { facts, crashes });
    },
    async close() {
      await context.close();
      site.close();
      site.closeAllConnections();
      await remove();
    },
  };
}

const html = '<!doctype html><title>chaos</title><script type="module" src="/tab.js"></script>';

/** Serves the page, and takes what tabs write down, each fact at the time when it comes. */
async function openSite(written: ReadonlyMap<string, Fact[]>): Promise<Server> {
  const { outputFiles } = await build({
    entryPoints: [join(import.meta.dirname, 'tab.mjs')],
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    logLevel: 'error',
  });
  const script = outputFiles[0]?.text ?? '';
  const site = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://127.0.0.1');
    if (url.pathname === '/') {
      response.writeHead(200, { 'Content-Type': 'text/html' }).end(html);
    } else if (url.pathname === '/tab.js') {
      response.writeHead(200, { 'Content-Type': 'text/javascript' }).end(script);
    } else if (url.pathname === '/facts') {
      const by = url.searchParams.get('by') ?? '';
      const parts: Uint8Array[] = [];
      request.on('data', (part: Uint8Array) => parts.push(part));
      // Of a tab that is killed in the middle there is no end.
      request.on('end', () => {
        const told = JSON.parse(Buffer.concat(parts).toString('utf8')) as Told[];
        for (const each of told) written.get(by)?.push({ ...each, at: now(), by });
        response.writeHead(204).end();
      });
    } else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => site.listen(0, '127.0.0.1', resolve));
  return site;
}
