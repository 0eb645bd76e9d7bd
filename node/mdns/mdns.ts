import { networkInterfaces } from 'node:os';
import type { Clock } from '../../src/clock.js';
import type { Announcement, Discovery, DiscoveryEvent } from '../../src/discovery/discovery.js';
import { idChanged } from '../../src/discovery/memory.js';
import type { InstanceRecord } from '../../src/discovery/record.js';
import { InstanceTable } from '../../src/discovery/table.js';
import { Union } from '../../src/discovery/union.js';
import { DserviceError } from '../../src/errors.js';
import { nodeClock } from '../clock.js';
import {
  sameInterface,
  selectInterfaces,
  type Interface,
  type OsInterfaces,
  type Reach,
} from './interfaces.js';
import { Link } from './link.js';
import type { Question } from './message.js';
import { canonical, hostName, instanceName, serviceType, subtypeName } from './names.js';
import { openSocket } from './socket.js';
import type { OpenTransport } from './transport.js';
import { isId, isName } from './txt.js';
import { defaultTtls, type Ttls } from './zone.js';

export interface MdnsOptions {
  /**
   * `local`: only on the loopback interface, so only this machine tells and is told. `lan`: on all
   * interfaces that have an IPv4 address, loopback too.
   */
  readonly reach: Reach;
  readonly clock?: Clock;
  /** Of the interfaces within reach, only those of these names. */
  readonly interfaces?: readonly string[];
  /** The UDP port; 5353 unless programs agree upon another. */
  readonly port?: number;
  /**
   * Seconds after which an instance that vanished without a goodbye is forgotten; 120 (RFC 6762
   * §10). Longer-lived records keep their proportion to it.
   */
  readonly ttl?: number;
  /** Milliseconds between two looks at the interfaces; 2000. */
  readonly poll?: number;
  /** For tests: what stands for the sockets. */
  readonly open?: OpenTransport;
  /** For tests: what stands for `os.networkInterfaces`. */
  readonly networkInterfaces?: () => OsInterfaces;
}

const mdnsPort = 5353;
const defaultPoll = 2000;
/** Milliseconds for which names stay ours after a withdrawal: so long may what we sent come back to us. */
const afterglow = 10_000;
/** Milliseconds after which a name that nobody lists is looked for among all instances. */
const fallback = 2500;

/**
 * Discovery by multicast DNS and DNS-SD (RFC 6762, RFC 6763), understood by Avahi, Bonjour and others.
 *
 * Nothing that the network does is thrown: where no interface of the reach can be used it is
 * `degraded` with ERR_DISCOVERY, and tries again as often as it looks at the interfaces. In reach
 * `lan` loopback alone counts as degraded. Neither sockets nor timers keep the process alive.
 *
 * Throws ERR_OPTION from here for a reach that is none; ERR_NAME or ERR_OPTION from `announce` and
 * `update` for a record whose name or id cannot be announced.
 */
export function mdns(options: MdnsOptions): Discovery {
  return new MdnsDiscovery(options);
}

class MdnsDiscovery implements Discovery {
  readonly kind = 'mdns';
  readonly #options: MdnsOptions;
  readonly #clock: Clock;
  readonly #ttls: Ttls;
  readonly #table: InstanceTable;
  /** The interfaces, when they were read last. */
  #seen: OsInterfaces = {};
  readonly #union: Union;
  readonly #links = new Map<string, Link>();
  readonly #announced = new Map<string, { record: InstanceRecord; announcement: Announcement }>();
  /** Canonical names of instances and hosts, with how many announcements hold them. */
  readonly #ownNames = new Map<string, number>();
  /** By interface and instance name: the id it has there. */
  readonly #foundIds = new Map<string, string>();
  readonly #ownAddresses = new Set<string>();
  readonly #questions = new Map<string, { question: Question; browsers: number }>();
  readonly #stops = new Set<() => void>();
  readonly #degradedListeners = new Set<(reason: DserviceError | undefined) => void>();
  #degraded: DserviceError | undefined;
  #cancelPoll: (() => void) | undefined;
  #closing: Promise<void> | undefined;

  constructor(options: MdnsOptions) {
    if (options.reach !== 'local' && options.reach !== 'lan') {
      throw new DserviceError('ERR_OPTION', `The reach is "local" or "lan"`);
    }
    this.#options = options;
    this.#clock = options.clock ?? nodeClock;
    this.#ttls = ttlsOf(options.ttl);
    this.#table = new InstanceTable(this.#clock);
    this.#union = new Union(this.#table);
    this.#poll();
  }

  get degraded(): DserviceError | undefined {
    return this.#degraded;
  }

  onDegraded(listener: (reason: DserviceError | undefined) => void): () => void {
    this.#degradedListeners.add(listener);
    return () => this.#degradedListeners.delete(listener);
  }

  announce(record: InstanceRecord): Announcement {
    check(record);
    const { id } = record;
    const active = () => this.#announced.get(id)?.announcement === announcement;
    const announcement: Announcement = {
      update: (next) => {
        check(next);
        if (next.id !== id) throw idChanged();
        if (active()) this.#publish(next, announcement);
      },
      withdraw: () => (active() ? this.#withdraw(id) : Promise.resolve()),
    };
    if (this.#closing === undefined) this.#publish(record, announcement);
    return announcement;
  }

  #publish(record: InstanceRecord, announcement: Announcement): void {
    const before = this.#announced.get(record.id)?.record;
    this.#announced.set(record.id, { record, announcement });
    if (before?.name !== record.name) {
      for (const name of namesOf(record)) this.#hold(name);
      if (before !== undefined) this.#releaseLater(before);
    }
    this.#showOwn(record);
  }

  /**
   * Publishes on each link, where an unchanged record changes nothing; and shows ours, which we know
   * without the network, with the endpoints that others make of it.
   */
  #showOwn(record: InstanceRecord): void {
    const seen = [...this.#links.values()].flatMap((link) => link.publish(record)?.endpoints ?? []);
    const endpoints = seen.length > 0 ? [...new Set(seen)] : record.endpoints;
    this.#union.put('own', 0, { ...record, endpoints });
  }

  async #withdraw(id: string): Promise<void> {
    const announced = this.#announced.get(id);
    if (announced === undefined) return;
    this.#announced.delete(id);
    this.#releaseLater(announced.record);
    this.#union.drop('own', id);
    await Promise.all([...this.#links.values()].map((link) => link.withdraw(id)));
  }

  #hold(name: string): void {
    this.#ownNames.set(name, (this.#ownNames.get(name) ?? 0) + 1);
  }

  #releaseLater(record: InstanceRecord): void {
    const release = () => {
      for (const name of namesOf(record)) {
        const holders = (this.#ownNames.get(name) ?? 0) - 1;
        if (holders > 0) this.#ownNames.set(name, holders);
        else this.#ownNames.delete(name);
      }
    };
    this.#clock.after(afterglow, release, true);
  }

  browse(name: string | undefined, listener: (event: DiscoveryEvent) => void): () => void {
    if (this.#closing !== undefined) return () => {};
    const end = this.#table.browse(name, listener);
    const all: Question = { name: serviceType, type: 'PTR' };
    const asked = [name === undefined ? all : ({ name: subtypeName(name), type: 'PTR' } as const)];
    for (const question of asked) this.#ask(question);
    // Other stacks may announce our type without our subtypes.
    const seen = () => this.#table.values().some((record) => record.name === name);
    const lookFurther = () => {
      if (seen()) return;
      asked.push(all);
      this.#ask(all);
    };
    const cancel = name === undefined ? undefined : this.#clock.after(fallback, lookFurther, true);
    const stop = () => {
      if (!this.#stops.delete(stop)) return;
      cancel?.();
      end();
      for (const question of asked) this.#unask(question);
    };
    this.#stops.add(stop);
    return stop;
  }

  #ask(question: Question): void {
    const asked = this.#questions.get(question.name) ?? { question, browsers: 0 };
    asked.browsers++;
    this.#questions.set(question.name, asked);
    if (asked.browsers === 1) for (const link of this.#links.values()) link.ask(question);
  }

  #unask(question: Question): void {
    const asked = this.#questions.get(question.name);
    if (asked === undefined || --asked.browsers > 0) return;
    this.#questions.delete(question.name);
    for (const link of this.#links.values()) link.unask(question);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#cancelPoll?.();
    for (const stop of [...this.#stops]) stop();
    this.#table.close();
    this.#degradedListeners.clear();
    await Promise.all([...this.#announced.keys()].map((id) => this.#withdraw(id)));
    await Promise.all([...this.#links.values()].map((link) => link.close()));
    this.#links.clear();
  }

  /** Looks at the interfaces: opens links on new ones, closes those of lost ones, and tries failed ones again. */
  #poll(): void {
    const { reach, interfaces, poll = defaultPoll } = this.#options;
    const all = this.#readInterfaces();
    const selected = selectInterfaces(all, reach, interfaces);
    this.#ownAddresses.clear();
    for (const addresses of Object.values(all)) {
      for (const { address } of addresses ?? []) this.#ownAddresses.add(address);
    }
    let changed = false;
    for (const [name, link] of this.#links) {
      const now = selected.find((iface) => iface.name === name);
      if (now !== undefined && sameSocket(now, link.iface)) continue;
      this.#lose(link);
      changed = true;
    }
    for (const iface of selected) {
      const link = this.#links.get(iface.name);
      if (link === undefined) this.#open(iface);
      else if (!sameInterface(iface, link.iface)) link.readdress(iface);
      else {
        if (link.error !== undefined) link.reopen();
        continue;
      }
      changed = true;
    }
    if (changed) for (const { record } of this.#announced.values()) this.#showOwn(record);
    this.#judge();
    this.#cancelPoll = this.#clock.after(poll, () => this.#poll(), true);
  }

  #readInterfaces(): OsInterfaces {
    const read = this.#options.networkInterfaces ?? networkInterfaces;
    try {
      this.#seen = read();
    } catch {
      // The process may have no file left to open. What there was is there still, as far as anybody knows.
    }
    return this.#seen;
  }

  #open(iface: Interface): void {
    const link: Link = new Link({
      iface,
      port: this.#options.port ?? mdnsPort,
      clock: this.#clock,
      ttls: this.#ttls,
      open: this.#options.open ?? openSocket,
      found: (instance, record) => this.#found(iface, instance, record),
      health: () => this.#judge(),
      isOwnAddress: (address) => this.#ownAddresses.has(address) || address.startsWith('127.'),
      isOwnName: (name) => this.#ownNames.has(name),
    });
    this.#links.set(iface.name, link);
    for (const { question } of this.#questions.values()) link.ask(question);
  }

  #lose(link: Link): void {
    this.#links.delete(link.iface.name);
    void link.close();
    for (const [key, id] of this.#foundIds) {
      if (!key.startsWith(`${link.iface.name} `)) continue;
      this.#foundIds.delete(key);
      this.#union.drop(key, id);
    }
  }

  #found(iface: Interface, instance: string, record: InstanceRecord | undefined): void {
    const key = `${iface.name} ${instance}`;
    const before = this.#foundIds.get(key);
    if (before !== undefined && before !== record?.id) {
      this.#foundIds.delete(key);
      this.#union.drop(key, before);
    }
    // Someone else's record with an id of ours is not about us.
    if (record === undefined || this.#announced.has(record.id)) return;
    this.#foundIds.set(key, record.id);
    this.#union.put(key, iface.loopback ? 0 : 1, record);
  }

  #judge(): void {
    const reason = this.#reason();
    if (reason?.message === this.#degraded?.message) return;
    this.#degraded = reason;
    for (const listener of [...this.#degradedListeners]) {
      try {
        listener(reason);
      } catch {
        // Not the network's fault, and no reason to stop.
      }
    }
  }

  #reason(): DserviceError | undefined {
    const local = this.#options.reach === 'local';
    const links = [...this.#links.values()].filter(({ iface }) => local || !iface.loopback);
    if (links.some((link) => link.error === undefined)) return undefined;
    const [first] = links;
    if (first === undefined) {
      const what = local ? 'loopback interface' : 'network interface with an IPv4 address';
      return new DserviceError('ERR_DISCOVERY', `There is no ${what} to multicast on`);
    }
    return new DserviceError(
      'ERR_DISCOVERY',
      `Multicast DNS does not work on ${first.iface.name}: ${first.error?.message}`,
      { cause: first.error },
    );
  }
}

/** Whether a socket made for one reading serves for the other. */
function sameSocket(a: Interface, b: Interface): boolean {
  return a.mac === b.mac && a.v4[0] === b.v4[0];
}

function ttlsOf(ttl: number | undefined): Ttls {
  if (ttl === undefined) return defaultTtls;
  if (!(ttl >= 1 && ttl <= defaultTtls.other)) {
    throw new DserviceError('ERR_OPTION', `A ttl is from 1 to ${defaultTtls.other} seconds`);
  }
  const host = Math.floor(ttl);
  return { host, other: Math.ceil((host * defaultTtls.other) / defaultTtls.host) };
}

function namesOf({ name, id }: InstanceRecord): string[] {
  return [canonical(instanceName(name, id)), canonical(hostName(id))];
}

function check({ name, id }: InstanceRecord): void {
  if (!isName(name)) {
    throw new DserviceError('ERR_NAME', `"${name}" is not the name of a service`);
  }
  if (!isId(id)) throw new DserviceError('ERR_OPTION', 'The id of an instance is 16 hex digits');
}
