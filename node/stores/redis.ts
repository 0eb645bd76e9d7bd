import { randomBytes } from 'node:crypto';
import type { Clock } from '../../src/clock.js';
import { DserviceError } from '../../src/errors.js';
import type { Store, StoreFactory, StoreOptions, StoreSupports } from '../../src/pipeline/store.js';
import { check, type Rule, time } from '../../src/rules.js';
import { nodeClock } from '../clock.js';
import { type Clients, clientsOf, type Place, type RedisClient } from './redis/clients.js';
import { Connection } from './redis/connection.js';
import { Line } from './redis/line.js';
import { Partition } from './redis/partition.js';
import { scripts } from './redis/script.js';
import { RedisStore } from './redis/redis-store.js';
import { Wakes } from './redis/wakes.js';

export type { RedisClient } from './redis/clients.js';

export interface RedisOptions {
  /**
   * In how many parts a pipeline is cut: a part is worked on by one node of a cluster. It is chosen when a pipeline
   * begins, and cannot be changed; where it is not said, it is what it was then, or 1.
   */
  readonly partitions?: number;
  /** The URLs are of nodes of a Redis Cluster. */
  readonly cluster?: boolean;
  /** What all keys begin with; `dservice`. */
  readonly prefix?: string;
  /** ms after which a call to a Redis that is away rejects with ERR_STORE_AWAY; 5 s. */
  readonly timeout?: number;
  /** The time of scripts, in place of the server's: for tests. */
  readonly clock?: Clock;
}

/** Of what scripts write, the version that this code reads. */
const version = 1;

const count: Rule = {
  says: 'a whole number from 1 to 1,024',
  ok: (value) => Number.isInteger(value) && Number(value) >= 1 && Number(value) <= 1_024,
};
const rules: Readonly<Record<keyof RedisOptions, Rule>> = {
  partitions: count,
  cluster: { says: 'true or false', ok: (value) => typeof value === 'boolean' },
  prefix: {
    says: 'a string without braces',
    ok: (value) => typeof value === 'string' && value !== '' && !/[{}]/.test(value),
  },
  timeout: time,
  clock: { says: 'a clock', ok: (value) => typeof value === 'object' && value !== null },
};

/**
 * Keeps commands in Redis 6.2 or newer, for many machines: `redis://…`, `rediss://…`, several of them separated by
 * commas for nodes of a cluster, or a client of the package `redis`, which is duplicated and left as it is. Throws
 * ERR_OPTION. `open` rejects with ERR_OPTION where the package `redis` is not installed, or where the pipeline was begun
 * with another number of partitions.
 *
 * `supports.durability` is `always` where Redis says that it syncs its append-only file before it answers; else `flush`,
 * which is for Redis to hold: with `appendfsync everysec` it may lose the last second of a machine that goes down, and
 * without an append-only file what came after its last snapshot.
 */
export function redis(
  urlOrClient: string | readonly string[] | RedisClient,
  options: RedisOptions = {},
): StoreFactory {
  check('redis()', options, rules);
  const place = placeOf(urlOrClient, options.cluster);
  return {
    url: 'urls' in place ? place.urls.map(withoutPassword).join(',') : 'redis:',
    open: (pipeline, given) => open(place, options, pipeline, given),
    pipelines: () => pipelines(place, options),
  };
}

async function open(
  place: Place,
  options: RedisOptions,
  pipeline: string,
  given: StoreOptions,
): Promise<Store> {
  const { timeout = 5_000, clock } = options;
  const clients = await clientsOf(place);
  const connection = new Connection(() => clients.make(), nodeClock);
  const amount = options.partitions ?? (await keptAmount(connection, clients, options, pipeline));
  const handle = randomBytes(8).toString('base64url');
  const tags = Array.from({ length: amount }, (_, p) => tagOf(options, pipeline, p));
  const lines = tags.map(
    (tag) => new Line(connection, keysOf(tag, clients), Object.values(scripts), timeout, nodeClock),
  );
  const waits = () => Promise.all(partitions.map((partition) => partition.await()));
  const wakes = new Wakes(clients, nodeClock, handle, tags, waits);
  const telling = {
    now: () => (clock === undefined ? '' : String(clock.wall())),
    handle,
    limits: limitsOf(given),
    watching: () => wakes.wanted,
    warn: (message: string) => given.logger.warn(message),
  };
  const partitions = lines.map((line) => new Partition(line, telling));
  const end = (): void => {
    for (const line of lines) line.end();
    connection.end();
  };
  try {
    await Promise.race([begin(partitions, pipeline), connection.hopeless]);
    const key = namesKey(options);
    const known = await lines[0]?.do({ key, args: ['SISMEMBER', key, pipeline] });
    if (known !== 1) await lines[0]?.do({ key, args: ['SADD', key, pipeline] });
    const partitionOf = (keyOrId: string): number => hashOf(keyOrId) % amount;
    const supports: StoreSupports = {
      durability: await durability(lines[0]),
      shared: 'machines',
      ...(amount > 1 ? { partitionOf } : {}),
    };
    return new RedisStore({ partitions, partitionOf, wakes, supports, end });
  } catch (error) {
    end();
    throw error;
  }
}

/** In how many partitions a pipeline was begun, or 1. */
async function keptAmount(
  connection: Connection,
  clients: Clients,
  options: RedisOptions,
  pipeline: string,
): Promise<number> {
  const [key, ...more] = keysOf(tagOf(options, pipeline, 0), clients);
  const line = new Line(connection, [key, ...more], [], options.timeout ?? 5_000, nodeClock);
  try {
    const asked = line.do({ key, args: ['HGET', key, 'partitions'] });
    return Number(await Promise.race([asked, connection.hopeless])) || 1;
  } catch (error) {
    connection.end();
    throw error;
  } finally {
    line.end();
  }
}

/** Begins a pipeline, or looks whether it can be read as it is. */
async function begin(partitions: readonly Partition[], pipeline: string): Promise<void> {
  const all = partitions.map((partition) => partition.open(version, partitions.length));
  for (const [had, amount] of await Promise.all(all)) {
    if (had > version) {
      const text = `${pipeline} was written by a newer version: its format is ${had}, and not ${version}`;
      throw new DserviceError('ERR_STORE_VERSION', text);
    }
    if (amount !== partitions.length) {
      const text = `${pipeline} was begun with ${amount} partitions, and cannot have ${partitions.length}`;
      throw new DserviceError('ERR_OPTION', text);
    }
  }
}

async function pipelines(place: Place, options: RedisOptions): Promise<string[]> {
  const clients = await clientsOf(place);
  const connection = new Connection(() => clients.make(), nodeClock);
  const key = namesKey(options);
  const line = new Line(connection, [key], [], options.timeout ?? 5_000, nodeClock);
  try {
    const names = await Promise.race([line.do({ args: ['SMEMBERS', key] }), connection.hopeless]);
    return Array.isArray(names) ? names.map(String) : [];
  } finally {
    line.end();
    connection.end();
  }
}

/** What Redis says of its append-only file; where it may not be asked, the least that it is there for. */
async function durability(line: Line | undefined): Promise<'flush' | 'always'> {
  try {
    const answer = await line?.do({ args: ['CONFIG', 'GET', 'append*'] });
    const said = new Map<string, string>();
    const list: unknown[] = Array.isArray(answer) ? answer : Object.entries(answer ?? {}).flat();
    for (let i = 0; i < list.length; i += 2) said.set(String(list[i]), String(list[i + 1]));
    const always = said.get('appendonly') === 'yes' && said.get('appendfsync') === 'always';
    return always ? 'always' : 'flush';
  } catch {
    return 'flush';
  }
}

function placeOf(urlOrClient: string | readonly string[] | RedisClient, cluster = false): Place {
  if (typeof urlOrClient === 'object' && 'duplicate' in urlOrClient) return { client: urlOrClient };
  const urls = typeof urlOrClient === 'string' ? urlOrClient.split(',') : urlOrClient;
  const good = urls.every((url) => /^rediss?:$/.test(protocolOf(url)));
  if (urls.length === 0 || !good) {
    throw new DserviceError(
      'ERR_OPTION',
      'redis() is given a URL as `redis://host:6379`, or a client of redis',
    );
  }
  if (urls.length > 1 && !cluster) {
    throw new DserviceError(
      'ERR_OPTION',
      'several URLs are the nodes of a cluster: redis(urls, { cluster: true })',
    );
  }
  return { urls, cluster };
}

function protocolOf(url: string): string {
  return URL.canParse(url) ? new URL(url).protocol : '';
}

function withoutPassword(url: string): string {
  const parsed = new URL(url);
  parsed.password = '';
  return parsed.href;
}

function namesKey({ prefix = 'dservice' }: RedisOptions): string {
  return `${prefix}:pipelines`;
}

/** What all keys of a partition begin with: braces hold what decides on the node of a cluster. */
function tagOf({ prefix = 'dservice' }: RedisOptions, pipeline: string, partition: number): string {
  return `${prefix}:{${pipeline.replaceAll('%', '%25').replaceAll('}', '%7D')}:${partition}}`;
}

/**
 * On a cluster a key that is never there is named beside: while the slot moves to another node a script that names one
 * that is there, and one that is not, runs on neither. It touches keys that it does not name.
 */
function keysOf(tag: string, { cluster }: Clients): [string, ...string[]] {
  return cluster ? [tag, `${tag}:never`] : [tag];
}

function limitsOf({ dedupe, dedupeMax, deadAge, deadMax }: StoreOptions): string {
  return [dedupe, dedupeMax, deadAge, deadMax].map((it) => Math.min(it, 1e15)).join(' ');
}

/** FNV-1a over UTF-16, with the bits mixed: what is chosen by it stays where it is for as long as there is data. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return (hash ^ (hash >>> 13)) >>> 0;
}
