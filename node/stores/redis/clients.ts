import { DserviceError } from '../../../src/errors.js';
import type { Client } from './connection.js';

/** As much of a client of the package `redis` as is used here: what `createClient` or `createCluster` returns. */
export interface RedisClient {
  duplicate(overrides?: object): unknown;
}

/** Where Redis is: a server, the nodes of a cluster that are known, or as a client of the caller's has it. */
export type Place =
  | { readonly urls: readonly string[]; readonly cluster: boolean }
  | { readonly client: RedisClient };

/** Hears what is published, as long as it is connected. */
export interface Listener {
  connect(): Promise<unknown>;
  subscribe(channels: readonly string[], heard: (message: string) => void): Promise<void>;
  onLost(lost: () => void): void;
  destroy(): void;
}

/** Makes clients that are not connected yet. */
export interface Clients {
  readonly cluster: boolean;
  make(): Client;
  /** Of a cluster, of the next node each time. */
  listener(): Listener;
}

interface Single {
  readonly options?: { readonly socket?: object };
  connect(): Promise<unknown>;
  destroy(): void;
  on(event: string, listener: (value: unknown) => void): unknown;
  duplicate(overrides?: object): Single;
  sendCommand(args: readonly string[]): Promise<unknown>;
  subscribe(channels: readonly string[], heard: (message: string) => void): Promise<void>;
}

interface Cluster extends Omit<Single, 'options' | 'duplicate' | 'sendCommand'> {
  readonly _options: { readonly defaults?: ClientOptions; readonly rootNodes: readonly object[] };
  readonly masters: readonly unknown[];
  duplicate(overrides?: object): Cluster;
  sendCommand(key: string, readonly: boolean, args: readonly string[]): Promise<unknown>;
}

interface ClientOptions {
  readonly socket?: object;
}

interface Library {
  createClient(options: object): Single;
  createCluster(options: object): Cluster;
}

/** How long until the next attempt to connect. */
const reconnectStrategy = (attempts: number): number =>
  Math.min(50 * 2 ** Math.min(attempts, 10), 1_000);

/**
 * Nothing is queued for a server that is away: lines know what they have sent. No command has a timer, and none is
 * redirected by itself: it would be overtaken.
 */
const common = { commandOptions: { timeout: 0 }, maintNotifications: 'disabled' };
const clusterOptions = { ...common, maxCommandRedirections: 0 };

/** Loads the package `redis`. Rejects with ERR_OPTION where it is not installed. */
export async function clientsOf(place: Place): Promise<Clients> {
  const library = await load();
  if ('urls' in place)
    return place.cluster ? ofNodes(library, place.urls) : ofUrl(library, place.urls[0] ?? '');
  // It is one of those two, told apart by what only clusters have.
  const client = place.client as Single | Cluster;
  return 'masters' in client ? ofCluster(library, client) : ofClient(client);
}

function ofUrl(library: Library, url: string): Clients {
  return {
    cluster: false,
    make: () => single(library.createClient({ url, RESP: 2, ...forCommands() })),
    listener: () => listening(library.createClient({ url, RESP: 2, ...forListening() })),
  };
}

function ofClient(client: Single): Clients {
  const { socket } = client.options ?? {};
  return {
    cluster: false,
    make: () => single(client.duplicate(forCommands(socket))),
    listener: () => listening(client.duplicate(forListening(socket))),
  };
}

function ofNodes(library: Library, urls: readonly string[]): Clients {
  const { username, password, protocol } = new URL(urls[0] ?? '');
  const defaults = {
    ...(username === '' ? {} : { username: decodeURIComponent(username) }),
    ...(password === '' ? {} : { password: decodeURIComponent(password) }),
    ...forCommands(protocol === 'rediss:' ? { tls: true } : {}),
  };
  const rootNodes = urls.map((url) => ({ url }));
  let turn = 0;
  return {
    cluster: true,
    make: () => ofNode(library.createCluster({ RESP: 2, rootNodes, defaults, ...clusterOptions })),
    listener: () => {
      const url = urls[turn++ % urls.length];
      return listening(library.createClient({ url, RESP: 2, ...forListening() }));
    },
  };
}

function ofCluster(library: Library, client: Cluster): Clients {
  const { defaults = {}, rootNodes } = client._options;
  let turn = 0;
  return {
    cluster: true,
    make: () => {
      const overrides = { defaults: { ...defaults, ...forCommands(defaults.socket) } };
      return ofNode(client.duplicate({ ...clusterOptions, ...overrides }));
    },
    listener: () => {
      const node: ClientOptions = rootNodes[turn++ % rootNodes.length] ?? {};
      const socket = { ...defaults.socket, ...node.socket };
      return listening(library.createClient({ ...defaults, ...node, ...forListening(socket) }));
    },
  };
}

function forCommands(socket: object = {}): object {
  return { ...common, disableOfflineQueue: true, socket: { ...socket, reconnectStrategy } };
}

function forListening(socket: object = {}): object {
  return { ...common, socket: { ...socket, reconnectStrategy: false } };
}

function single(client: Single): Client {
  return {
    connect: () => client.connect(),
    destroy: () => client.destroy(),
    on: (event, listener) => client.on(event, listener),
    send: (_key, args) => client.sendCommand(args),
  };
}

function ofNode(client: Cluster): Client {
  return {
    ...single(client as unknown as Single),
    send: (key, args) => client.sendCommand(key, false, args),
  };
}

function listening(client: Single): Listener {
  let end = (): void => {};
  client.on('error', () => end());
  client.on('end', () => end());
  return {
    connect: () => client.connect(),
    subscribe: (channels, heard) => client.subscribe(channels, heard),
    onLost: (lost) => (end = lost),
    destroy: () => client.destroy(),
  };
}

async function load(): Promise<Library> {
  try {
    // As much of it as is used here, so that types need no package that is not there.
    return (await import('redis')) as unknown as Library;
  } catch (cause) {
    const text = 'redis() needs the package `redis`: npm install redis';
    throw new DserviceError('ERR_OPTION', text, { cause });
  }
}
