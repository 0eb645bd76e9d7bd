import type { Channel } from '../channel/channel.js';
import type { Direct } from '../channel/direct.js';
import { memoryPair } from '../channel/memory.js';
import { type Clock, systemClock } from '../clock.js';
import { DserviceError } from '../errors.js';
import { defaultLimits, type Limits } from '../limits.js';
import type { ContextScope } from '../protocol/context.js';
import { isRecord } from '../protocol/message.js';
import { checkRecord } from './check-record.js';
import type { Announcement, CarryOptions, Discovery, DiscoveryEvent } from './discovery.js';
import { idChanged } from './memory.js';
import type { InstanceRecord } from './record.js';
import { Announced } from './rendezvous/announced.js';
import { answerOver, type CarriageOptions, dialOver } from './rendezvous/carriage.js';
import { Connector } from './rendezvous/connector.js';
import type { Link } from './rendezvous/link.js';
import { Watch } from './rendezvous/watch.js';
import { isRelay, relayEndpoint } from './rendezvous/wire.js';
import { InstanceTable } from './table.js';

export interface RendezvousDiscoveryOptions {
  /** Of the rendezvous, as users know it: it names the endpoints that are reached by way of it. */
  readonly url: string;
  /** Opens a channel to it. Rejects with why it could not. */
  readonly connect: () => Promise<Channel>;
  readonly clock?: Clock;
  readonly scope: ContextScope;
  /** Credentials, for a rendezvous that asks for some: any JSON. */
  readonly auth?: unknown;
  /** Makes direct channels, where the runtime can. */
  readonly direct?: Direct | undefined;
  readonly limits?: Partial<Limits>;
  readonly decodeText?: ((bytes: Uint8Array) => string) | undefined;
  readonly logger?: { warn(message: string): void };
  /** Milliseconds for which what is known is believed while the rendezvous is away; 60,000. */
  readonly keep?: number;
}

export interface RendezvousDiscovery extends Discovery {
  reaches(endpoint: string): boolean;
  connect(endpoint: string, options: CarryOptions): Promise<Channel>;
  /**
   * Whether each of these versions is in an npm semver range, as the rendezvous says, which has semver.
   * Rejects with ERR_RANGE, and with what `connect` does.
   */
  match(range: string, versions: readonly string[]): Promise<boolean[]>;
}

/** Records that are kept of what one rendezvous tells; what is beyond is not heard. */
const mostRecords = 100_000;

/**
 * Discovery by a rendezvous, of which this is a client. It connects when it is first used, and again
 * when it has lost it; then it announces and browses anew, and what went meanwhile goes `down`. An
 * instance that can be dialled there has the endpoint `relay:<url>#<id>`, its last. What is announced
 * here is heard here at once, and is connected to without the rendezvous.
 */
export function rendezvousDiscovery(options: RendezvousDiscoveryOptions): RendezvousDiscovery {
  const { url, scope, direct, decodeText, auth } = options;
  const { clock = systemClock, logger = console, keep = 60_000 } = options;
  const limits = { ...defaultLimits, ...options.limits };
  const carriage: CarriageOptions = { clock, limits, direct };
  const key = newKey();
  const table = new InstanceTable(clock);
  const own = new Map<string, Announced>();
  const watches = new Map<string | undefined, Watch>();
  /** Ours that are being withdrawn: what is still told of them is old. */
  const leaving = new Set<string>();
  const listeners = new Set<(reason: DserviceError | undefined) => void>();
  const prefix = relayEndpoint(url, '');
  let stopForgetting: (() => void) | undefined;
  let closed = false;

  const connector = new Connector({
    ...{ url, clock, scope, limits, decodeText, logger, auth },
    connect: options.connect,
    wanted: () => own.size > 0 || watches.size > 0,
    onLink(link) {
      stopForgetting?.();
      stopForgetting = undefined;
      for (const part of [...own.values(), ...watches.values()]) part.use(link);
    },
    onLost() {
      for (const part of [...own.values(), ...watches.values()]) part.use(undefined);
      stopForgetting ??= clock.after(keep, () => forget(() => true), true);
    },
    onDegraded(reason) {
      for (const listener of [...listeners]) listener(reason);
    },
  });

  function forget(which: (record: InstanceRecord) => boolean): void {
    for (const record of table.values()) {
      if (!own.has(record.id) && which(record)) table.delete(record.id);
    }
  }

  function show(record: InstanceRecord, dial: boolean): void {
    const endpoints = record.endpoints.filter((endpoint) => !isRelay(endpoint));
    if (dial) endpoints.push(relayEndpoint(url, record.id));
    table.set({ ...record, endpoints });
  }

  function hear(event: unknown): void {
    if (!isRecord(event)) return;
    let record: InstanceRecord;
    try {
      record = checkRecord(event.record);
    } catch {
      // No record, so nobody is told of it.
      return;
    }
    // Of our own we know better.
    if (own.has(record.id) || leaving.has(record.id)) return;
    if (event.type === 'down') table.delete(record.id);
    else if (table.get(record.id) !== undefined || table.size < mostRecords)
      show(record, event.dial === true);
  }

  function announce(first: InstanceRecord, accept?: (channel: Channel) => void): Announcement {
    const { id } = first;
    let withdrawn = closed;
    const announced = new Announced(first, {
      ...{ clock, logger, key, accept },
      answer(link: Link, info: unknown, near: unknown) {
        if (withdrawn || accept === undefined) {
          throw new DserviceError('ERR_NO_INSTANCE', 'it was withdrawn', { mayHaveRun: false });
        }
        return answerOver(link, info, near, accept, carriage);
      },
    });
    if (!withdrawn) {
      own.get(id)?.use(undefined);
      own.set(id, announced);
      show(first, accept !== undefined);
      announced.use(connector.link);
      connector.need();
    }
    return {
      update(record) {
        if (record.id !== id) throw idChanged();
        if (withdrawn || own.get(id) !== announced) return;
        show(record, accept !== undefined);
        announced.update(record);
      },
      async withdraw() {
        if (withdrawn) return;
        withdrawn = true;
        if (own.get(id) !== announced) return announced.withdraw();
        own.delete(id);
        table.delete(id);
        leaving.add(id);
        await announced.withdraw();
        leaving.delete(id);
      },
    };
  }

  function browse(name: string | undefined, listener: (event: DiscoveryEvent) => void) {
    if (closed) return () => {};
    const stopTelling = table.browse(name, listener);
    let watch = watches.get(name);
    if (watch === undefined) {
      const onSnapshot = (ids: ReadonlySet<string>): void =>
        forget((record) => (name === undefined || record.name === name) && !ids.has(record.id));
      watch = new Watch({ clock, logger, name, onEvent: hear, onSnapshot });
      watches.set(name, watch);
      watch.use(connector.link);
      connector.need();
    }
    watch.users++;
    let stopped = false;
    return () => {
      if (stopped) return;
      stopped = true;
      stopTelling();
      if (--watch.users === 0) unwatch(name, watch);
    };
  }

  function unwatch(name: string | undefined, watch: Watch): void {
    watches.delete(name);
    watch.end();
    // What nobody is told of any more is not known any more.
    if (!watches.has(undefined)) forget((record) => !watches.has(record.name));
  }

  async function connect(endpoint: string, { timeout }: CarryOptions): Promise<Channel> {
    if (!endpoint.startsWith(prefix)) {
      throw new DserviceError('ERR_CONNECT', `${endpoint} is not reached by ${url}`);
    }
    const id = endpoint.slice(prefix.length);
    const accept = own.get(id)?.accept;
    if (accept !== undefined) {
      const [near, far] = memoryPair({ clock });
      accept(far);
      return near;
    }
    const { degraded, link: there } = connector;
    // Not waited for: another rendezvous may lead there, and who has no other tries again.
    if (there === undefined && degraded !== undefined) {
      connector.need();
      throw new DserviceError('ERR_CONNECT', degraded.message, {
        cause: degraded,
        mayHaveRun: false,
      });
    }
    const started = clock.now();
    const link = await connector.ready(timeout);
    const letGo = link.hold();
    try {
      const left = Math.max(1, timeout - (clock.now() - started));
      return await dialOver(link, id, left, carriage);
    } finally {
      letGo();
    }
  }

  async function match(range: string, versions: readonly string[]): Promise<boolean[]> {
    const link = await connector.ready(10_000);
    const answer = await link.call('match', [range, versions]);
    if (!Array.isArray(answer) || answer.length !== versions.length) {
      throw new DserviceError('ERR_MALFORMED', `${url} answered a match with something else`);
    }
    return answer.map((each) => each === true);
  }

  return {
    kind: 'rendezvous',
    announce,
    browse,
    get degraded() {
      return connector.degraded;
    },
    onDegraded(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    reaches: (endpoint) => endpoint.startsWith(prefix),
    connect,
    match,
    async close() {
      if (closed) return;
      closed = true;
      stopForgetting?.();
      table.close();
      listeners.clear();
      for (const watch of watches.values()) watch.end();
      watches.clear();
      const mine = [...own.values()];
      own.clear();
      await Promise.all(mine.map((announced) => announced.withdraw()));
      connector.close();
    },
  };
}

/** 128 random bits. */
function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
