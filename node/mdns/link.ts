import type { Clock } from '../../src/clock.js';
import type { InstanceRecord } from '../../src/discovery/record.js';
import { Cache } from './cache.js';
import { onLinkTest, type Interface } from './interfaces.js';
import { setKey, type Message, type Question, type Rr } from './message.js';
import { canonical, instanceName } from './names.js';
import { Querier } from './querier.js';
import { Responder } from './responder.js';
import type { OpenTransport, Peer, Transport } from './transport.js';
import { ownRecord, recordOf, zoneOf, type Ttls } from './zone.js';

export interface LinkOptions {
  readonly iface: Interface;
  readonly port: number;
  readonly clock: Clock;
  readonly ttls: Ttls;
  readonly open: OpenTransport;
  /** What is known of an instance (canonical instance name) on this link; undefined when nothing is, any more. */
  readonly found: (instance: string, record: InstanceRecord | undefined) => void;
  /** `error` changed. */
  readonly health: () => void;
  /** Whether an address is one of this machine. */
  readonly isOwnAddress: (address: string) => boolean;
  /** Whether an instance or host (canonical name) is announced by this program, or was a moment ago. */
  readonly isOwnName: (name: string) => boolean;
}

// On loopback there is no wire to spare, and whoever starts now shall not wait a second for those
// whom others have just asked for.
const sendInterval = { loopback: 200, network: 1000 };

/** Instances that are asked about at once because something of them is missing. */
const maxMissing = 256;

/**
 * mDNS on one interface. Each has its own cache, since a host has other addresses on another, and
 * its own socket, which may be made anew under it.
 */
export class Link {
  readonly #options: LinkOptions;
  #iface: Interface;
  #onLink: (address: string) => boolean;
  #transport: Transport;
  readonly #cache: Cache;
  readonly #querier: Querier;
  readonly #responder: Responder;
  readonly #published = new Map<string, InstanceRecord>();
  /** What is asked to complete an instance, by canonical instance name. */
  readonly #missing = new Map<string, readonly Question[]>();
  /** How many instances lack what a question asks for. */
  readonly #resolving = new Map<string, number>();
  #error: Error | undefined;
  /** The error was the socket's, not that of sending. */
  #socketFailed = false;
  #closed = false;

  constructor(options: LinkOptions) {
    this.#options = options;
    this.#iface = options.iface;
    this.#onLink = onLinkTest(options.iface);
    const { clock, port, isOwnAddress } = options;
    this.#cache = new Cache({
      clock,
      changed: (instances) => this.#look(instances),
      refresh: (questions) => this.#querier.again(questions),
      wanted: (question) => this.#isWanted(question),
    });
    this.#querier = new Querier({
      clock,
      send: (message) => this.#send(message),
      // Ours too: our own responder hears our question.
      known: (question) => [...this.#cache.known(question), ...this.#responder.own(question)],
    });
    this.#responder = new Responder({
      clock,
      port,
      interval: options.iface.loopback ? sendInterval.loopback : sendInterval.network,
      isOwn: isOwnAddress,
      send: (message, to, done) => this.#send(message, to, done),
    });
    this.#transport = this.#openTransport();
  }

  get iface(): Interface {
    return this.#iface;
  }

  /** Why nothing leaves by this link, if so. */
  get error(): Error | undefined {
    return this.#error;
  }

  /** Announces a record, or what is new about it. Returns what others make of it; undefined when it cannot be reached here. */
  publish(record: InstanceRecord): InstanceRecord | undefined {
    const before = this.#published.get(record.id);
    const zone = zoneOf(record, this.#iface, this.#options.ttls);
    if (before !== undefined && (zone === undefined || before.name !== record.name)) {
      void this.withdraw(record.id);
    }
    if (zone === undefined) return undefined;
    this.#published.set(record.id, record);
    this.#responder.publish(zone);
    return ownRecord(zone, this.#iface.loopback);
  }

  /** Resolves when the goodbye has left. */
  withdraw(id: string): Promise<void> {
    const record = this.#published.get(id);
    if (record === undefined) return Promise.resolve();
    this.#published.delete(id);
    return this.#responder.withdraw(instanceName(record.name, id));
  }

  /** Asks who is listed under a name, and keeps asking. */
  ask(question: Question): void {
    this.#querier.start(question);
    this.#look(this.#cache.listed(question.name));
  }

  unask(question: Question): void {
    this.#querier.stop(question);
    this.#look([...this.#missing.keys()]);
  }

  /** Takes over a reading of the same interface with other addresses. */
  readdress(iface: Interface): void {
    this.#iface = iface;
    this.#onLink = onLinkTest(iface);
    for (const record of [...this.#published.values()]) this.publish(record);
  }

  /** Makes the socket anew, announces and asks again. What was heard stays. */
  reopen(): void {
    void this.#transport.close();
    this.#transport = this.#openTransport();
    this.#responder.restart();
    this.#querier.restart();
  }

  /** Ends it. What was heard here is not known any more; `found` is not called for it. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#responder.close();
    this.#querier.close();
    this.#cache.clear();
    await this.#transport.close();
  }

  #openTransport(): Transport {
    const transport = this.#options.open(this.#iface, this.#options.port, {
      accept: (address) => this.#onLink(address),
      receive: (message, from) => {
        if (transport === this.#transport && !this.#closed) this.#receive(message, from);
      },
      ready: () => {
        // Where sending failed, only a packet that leaves shows that it works again.
        const nothingToSend = this.#published.size === 0 && this.#querier.idle;
        if (transport === this.#transport && (this.#socketFailed || nothingToSend)) {
          this.#setError(undefined);
        }
      },
      failed: (error) => {
        if (transport !== this.#transport) return;
        this.#socketFailed = true;
        this.#setError(error);
      },
    });
    return transport;
  }

  #send(message: Message, to?: Peer, done?: () => void): void {
    const transport = this.#transport;
    transport.send(message, to, (error) => {
      // To one peer it may fail for reasons of that peer.
      if (transport === this.#transport && (to === undefined || error === undefined)) {
        this.#setError(error);
      }
      done?.();
    });
  }

  #setError(error: Error | undefined): void {
    if (error === undefined) this.#socketFailed = false;
    if (this.#closed || error?.message === this.#error?.message) return;
    this.#error = error;
    this.#options.health();
  }

  #receive(message: Message, from: Peer): void {
    if (!message.response) {
      this.#querier.heard(message);
      this.#responder.query(message, from);
      return;
    }
    // RFC 6762 §6: an answer from another port is none.
    if (from.port !== this.#options.port) return;
    const rrs = [...message.answers, ...message.additionals];
    // Two of our interfaces may be on one wire; then we hear ourselves with other addresses.
    const fromAnotherOfOurs =
      this.#options.isOwnAddress(from.address) && !this.#isMyAddress(from.address);
    if (!fromAnotherOfOurs) this.#responder.heard(rrs);
    const foreign = rrs.filter((rr) => !this.#isOwn(rr));
    this.#look(this.#cache.receive(foreign, from.address));
  }

  #isMyAddress(address: string): boolean {
    return this.#iface.loopback ? this.#onLink(address) : this.#iface.v4.includes(address);
  }

  #isOwn(rr: Rr): boolean {
    return this.#options.isOwnName(canonical(rr.type === 'PTR' ? rr.data : rr.name));
  }

  /** Puts together what is known of these instances, and asks for what is missing. */
  #look(instances: Iterable<string>): void {
    for (const instance of instances) {
      const before = this.#missing.get(instance) ?? [];
      this.#missing.delete(instance);
      const record = this.#assemble(instance);
      // After those that are still missing, so that their intervals go on.
      for (const question of before) this.#unresolve(question);
      this.#options.found(instance, record);
    }
  }

  /** Asks for what an instance lacks. Of too many, those that have lacked something longest give way. */
  #resolve(instance: string, questions: readonly Question[]): void {
    if (this.#missing.size >= maxMissing) {
      for (const [oldest, given] of this.#missing) {
        this.#missing.delete(oldest);
        for (const question of given) this.#unresolve(question);
        break;
      }
    }
    this.#missing.set(instance, questions);
    for (const question of questions) {
      const key = setKey(question.name, question.type);
      this.#resolving.set(key, (this.#resolving.get(key) ?? 0) + 1);
      this.#querier.start(question);
    }
  }

  #unresolve(question: Question): void {
    const key = setKey(question.name, question.type);
    const holders = (this.#resolving.get(key) ?? 0) - 1;
    if (holders > 0) this.#resolving.set(key, holders);
    else {
      this.#resolving.delete(key);
      this.#querier.stop(question);
    }
  }

  #assemble(instance: string): InstanceRecord | undefined {
    if (this.#cache.pointers(instance).length === 0) return undefined;
    const srv = this.#cache.srv(instance);
    const txt = this.#cache.txt(instance);
    const missing: Question[] = [];
    if (srv === undefined) missing.push({ name: instance, type: 'SRV' });
    if (txt === undefined) missing.push({ name: instance, type: 'TXT' });
    const host = srv?.data.target;
    const addresses = host === undefined ? [] : this.#cache.addresses(host);
    if (host !== undefined && srv?.data.port !== 0 && addresses.length === 0) {
      missing.push({ name: host, type: 'A' }, { name: host, type: 'AAAA' });
    }
    if (missing.length > 0 && this.#isListed(instance)) this.#resolve(instance, missing);
    if (srv === undefined || txt === undefined) return undefined;
    return recordOf({ instance, srv, txt, addresses }, this.#iface.loopback);
  }

  /** Whether an instance is listed under a name that we ask for. */
  #isListed(instance: string): boolean {
    return this.#cache
      .pointers(instance)
      .some((rr) => this.#querier.asks({ name: rr.name, type: 'PTR' }));
  }

  #isWanted(question: Question): boolean {
    if (question.type === 'PTR') return this.#querier.asks(question);
    if (question.type === 'SRV' || question.type === 'TXT') {
      return this.#isListed(canonical(question.name));
    }
    return [...this.#cache.instancesOn(question.name)].some((instance) => this.#isListed(instance));
  }
}
