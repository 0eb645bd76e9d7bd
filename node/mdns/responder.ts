import type { Clock } from '../../src/clock.js';
import { Answers } from './answers.js';
import { makeMessage, rrKey, setKey, type Message, type Question, type Rr } from './message.js';
import { canonical } from './names.js';
import { packGroups, type Group } from './packets.js';
import { Farewells } from './farewells.js';
import { KnownAnswers, type Query } from './known.js';
import type { Peer } from './transport.js';
import { additionalsFor, type Zone } from './zone.js';
import { Zones, type OwnRr } from './zones.js';

export interface ResponderOptions {
  readonly clock: Clock;
  /** Sends to the group, or to one peer; `done` is called once. */
  readonly send: (message: Message, to?: Peer, done?: () => void) => void;
  /** The port that mDNS is spoken on: who asks from another is a simple resolver. */
  readonly port: number;
  /** Milliseconds between two times that one record is sent to the group. */
  readonly interval: number;
  /** Whether a packet came from this machine, where other programs share the port. */
  readonly isOwn: (address: string) => boolean;
}

interface Served {
  zone: Zone;
  /** Announcements of changes that may be sent at once yet. */
  tokens: number;
  /** When `tokens` was right. */
  counted: number;
  /** Changed sets that wait for a token. */
  delayed: Set<string>;
  cancelDelayed: (() => void) | undefined;
  cancelDefence: (() => void) | undefined;
  defended: number;
  readonly repeats: Set<() => void>;
}

// RFC 6762 §8.4: at most ten changes in sixty seconds. Five at once and one each twelve seconds keep
// that in any sixty.
const changesAtOnce = 5;
const changeInterval = 12_000;
const repeatAfter = 1000; // §8.3
const repeatable = 10_000;
const packetsPerWave = 32;
const waveInterval = 10;
const defenceInterval = 1000;
const probeInterval = 250; // §6: a probe is answered though the record was sent less than a second ago
const legacyTtl = 10; // §6.7

/** What one link is told of our instances: announcements, answers, goodbyes, defence. */
export class Responder {
  readonly #options: ResponderOptions;
  /** By canonical instance name. */
  readonly #served = new Map<string, Served>();
  readonly #zones = new Zones();
  readonly #answers: Answers;
  readonly #known: KnownAnswers;
  readonly #farewells: Farewells;
  /** Zones to announce at the end of the turn, and the sets of records to announce; all, if undefined. */
  readonly #announcing = new Map<Served, Set<string> | undefined>();
  #scheduled = false;
  #closed = false;

  constructor(options: ResponderOptions) {
    this.#options = options;
    this.#answers = new Answers({
      clock: options.clock,
      interval: options.interval,
      send: (groups) => this.#multicast(groups),
    });
    this.#farewells = new Farewells({
      clock: options.clock,
      send: (goodbyes) => {
        const groups = goodbyes.map((rr) => ({ answers: [rr], additionals: [] }));
        return this.#send(packGroups(groups), (rr) => !this.#isOurs(rr), false);
      },
      isOurs: (rr) => this.#isOurs(rr),
    });
    this.#known = new KnownAnswers(options.clock, (query) => this.#answer(query));
  }

  /** Announces an instance, or what is new about it; twice, a second apart (RFC 6762 §8.3). */
  publish(zone: Zone): void {
    const key = canonical(zone.instance);
    const served = this.#served.get(key);
    if (served !== undefined) return this.#change(served, zone);
    const fresh: Served = {
      zone,
      tokens: changesAtOnce,
      counted: this.#options.clock.now(),
      delayed: new Set(),
      cancelDelayed: undefined,
      cancelDefence: undefined,
      defended: -Infinity,
      repeats: new Set(),
    };
    this.#served.set(key, fresh);
    this.#zones.add(zone);
    this.#announceTwice(fresh, undefined);
  }

  #change(served: Served, zone: Zone): void {
    const before = served.zone;
    const sets = changedSets(before, zone);
    if (sets.size === 0) return;
    served.zone = zone;
    this.#zones.delete(before);
    this.#zones.add(zone);
    const gone = before.rrs.filter(
      (rr) =>
        !zone.rrs.some((other) => setKey(other.name, other.type) === setKey(rr.name, rr.type)),
    );
    void this.#farewells.say(gone);
    this.#spend(served, sets);
  }

  /** Announces a change now, or as soon as the rate allows: then the newest state, once. */
  #spend(served: Served, sets: Set<string>): void {
    const { clock } = this.#options;
    const elapsed = clock.now() - served.counted;
    const earned = Math.floor(elapsed / changeInterval);
    served.tokens = Math.min(changesAtOnce, served.tokens + earned);
    served.counted += earned * changeInterval;
    if (served.tokens === changesAtOnce) served.counted = clock.now();
    if (served.tokens > 0) {
      served.tokens--;
      return this.#announceTwice(served, sets);
    }
    for (const set of sets) served.delayed.add(set);
    if (served.cancelDelayed !== undefined) return;
    const wait = served.counted + changeInterval - clock.now();
    served.cancelDelayed = clock.after(
      wait,
      () => {
        served.cancelDelayed = undefined;
        const delayed = served.delayed;
        served.delayed = new Set();
        this.#spend(served, delayed);
      },
      true,
    );
  }

  /** Announces everything anew: the link is another one. */
  restart(): void {
    this.#answers.clear();
    for (const served of this.#served.values()) this.#announceTwice(served, undefined);
  }

  #announceTwice(served: Served, sets: Set<string> | undefined): void {
    this.#announceSoon(served, sets);
    const cancel = this.#options.clock.after(
      repeatAfter,
      () => {
        served.repeats.delete(cancel);
        // What has changed since and waits for its turn is not told before it.
        const told = served.zone.rrs.filter((rr) => this.#answers.sentWithin(rr, repeatable));
        const toldSets = told.map((rr) => setKey(rr.name, rr.type));
        this.#announceSoon(
          served,
          new Set(toldSets.filter((set) => sets === undefined || sets.has(set))),
        );
      },
      true,
    );
    served.repeats.add(cancel);
  }

  #announceSoon(served: Served, sets: Set<string> | undefined): void {
    const planned = this.#announcing.get(served);
    const all = sets === undefined || (planned === undefined && this.#announcing.has(served));
    this.#announcing.set(served, all ? undefined : new Set([...(planned ?? []), ...sets]));
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#options.clock.defer(() => this.#announce());
  }

  #announce(): void {
    this.#scheduled = false;
    const groups: Group[] = [];
    for (const [{ zone }, sets] of this.#announcing) {
      const rrs = zone.rrs.filter((rr) => sets === undefined || sets.has(setKey(rr.name, rr.type)));
      groups.push({
        answers: rrs,
        additionals: rrs.some((rr) => rr.name === zone.nsec.name) ? [zone.nsec] : [],
      });
    }
    this.#announcing.clear();
    if (!this.#closed) this.#multicast(groups);
  }

  #multicast(groups: readonly Group[]): void {
    void this.#send(packGroups(groups), (rr) => this.#isOurs(rr), true);
  }

  #isOurs(rr: Rr): boolean {
    return this.#zones.alike(rr).same !== undefined;
  }

  /**
   * Sends packets to the group, many in waves, since receivers have buffers; of what waited, only
   * what is true yet. Resolves when all have left.
   */
  async #send(
    messages: readonly Message[],
    isTrue: (rr: Rr) => boolean,
    background: boolean,
  ): Promise<void> {
    const { clock } = this.#options;
    const sending = messages.map((message, i) => {
      const wave = Math.floor(i / packetsPerWave);
      return new Promise<void>((done) => {
        if (wave === 0) return this.#sendOne(message, done);
        const sendLater = () => {
          const answers = message.answers.filter(isTrue);
          const additionals = message.additionals.filter(isTrue);
          if (this.#closed || answers.length === 0) return done();
          this.#sendOne({ ...message, answers, additionals }, done);
        };
        clock.after(wave * waveInterval, sendLater, background);
      });
    });
    await Promise.all(sending);
  }

  #sendOne(message: Message, done: () => void): void {
    this.#answers.sent([...message.answers, ...message.additionals]);
    this.#options.send(message, undefined, done);
  }

  /** Says goodbye. Resolves when that has left. */
  withdraw(instance: string): Promise<void> {
    const key = canonical(instance);
    const served = this.#served.get(key);
    if (served === undefined) return Promise.resolve();
    this.#served.delete(key);
    this.#zones.delete(served.zone);
    this.#announcing.delete(served);
    served.cancelDelayed?.();
    served.cancelDefence?.();
    for (const cancel of served.repeats) cancel();
    this.#answers.forget(served.zone.rrs);
    // The type itself stays as long as anybody has it, and expires when nobody does.
    return this.#farewells.say(
      served.zone.rrs.filter((rr) => rr.name !== metaName(served.zone, rr)),
    );
  }

  /** Answers a query: at once, or after a moment (RFC 6762 §6). */
  query(message: Message, from: Peer): void {
    if (this.#zones.size === 0) return;
    this.#known.receive(message, from);
  }

  #answer(query: Query): void {
    const { message, from } = query;
    if (from.port !== this.#options.port) return this.#answerLegacy(query);
    const probe = message.authorities.length > 0;
    const byUnicast: OwnRr[] = [];
    for (const question of message.questions) {
      for (const own of this.#zones.answer(question)) {
        const { rr, zone } = own;
        if (query.knows(rr)) continue;
        const unicast =
          question.unicast === true &&
          !this.#options.isOwn(from.address) &&
          this.#answers.sentWithin(rr, (rr.ttl * 1000) / 4);
        if (unicast) byUnicast.push(own);
        else {
          const interval = probe ? Math.min(probeInterval, this.#options.interval) : undefined;
          this.#answers.add(rr, additionalsFor(zone, rr), interval);
        }
      }
    }
    for (const packet of packGroups(byUnicast.map(group))) this.#options.send(packet, from);
  }

  /** To simple resolvers as any DNS server would, by unicast, for a few seconds (RFC 6762 §6.7). */
  #answerLegacy({ message, from }: Query): void {
    const groups = message.questions.flatMap((question) => this.#zones.answer(question).map(group));
    const limit = (rr: Rr): Rr => ({ ...rr, ttl: Math.min(rr.ttl, legacyTtl), flush: false });
    const [packet] = packGroups(groups);
    if (packet === undefined) return;
    this.#options.send(
      makeMessage({
        response: true,
        id: message.id,
        // RFC 6762 §6.7; TC would have it ask again by TCP, which nobody serves.
        questions: message.questions.filter(({ type }) => type !== 'OTHER'),
        answers: packet.answers.map(limit),
        additionals: packet.additionals.map(limit),
      }),
      from,
    );
  }

  /** Looks at what others say about our names: conflicts, goodbyes, and answers that we need not give any more. */
  heard(rrs: readonly Rr[]): void {
    for (const rr of rrs) {
      this.#answers.heard(rr);
      const zone = this.#contradicted(rr);
      const served = zone && this.#served.get(canonical(zone.instance));
      if (served !== undefined) this.#defend(served);
    }
  }

  /** Someone else's data under a unique name of ours (RFC 6762 §9), or ours about to expire (§6.6, §10.1). */
  #contradicted(rr: Rr): Zone | undefined {
    const { same, others } = this.#zones.alike(rr);
    if (same !== undefined) return rr.ttl < same.rr.ttl / 2 ? same.zone : undefined;
    const [other] = others;
    if (other === undefined || rr.type === 'NSEC' || rr.ttl === 0) return undefined;
    // What we sent ourselves a moment ago, before it changed, comes back from the group.
    return this.#answers.sentWithin(rr, 10_000) ? undefined : other.zone;
  }

  /** Announces ours again, at most once a second: that name is ours by construction, so we do not rename. */
  #defend(served: Served): void {
    if (served.cancelDefence !== undefined) return;
    const { clock } = this.#options;
    const wait = Math.max(0, served.defended + defenceInterval - clock.now());
    served.cancelDefence = clock.after(
      wait,
      () => {
        served.cancelDefence = undefined;
        served.defended = clock.now();
        this.#announceSoon(served, undefined);
      },
      true,
    );
  }

  /** Repeats goodbyes that are due yet, and says nothing any more. */
  close(): void {
    this.#farewells.close();
    this.#closed = true;
    this.#known.close();
    this.#answers.clear();
    for (const served of this.#served.values()) {
      served.cancelDelayed?.();
      served.cancelDefence?.();
      for (const cancel of served.repeats) cancel();
    }
    this.#served.clear();
  }

  /** Our records that answer a question: known answers for queries of our own. */
  own(question: Question): Rr[] {
    return this.#zones.answer(question).map(({ rr }) => rr);
  }
}

function group({ rr, zone }: OwnRr): Group {
  return { answers: [rr], additionals: additionalsFor(zone, rr) };
}

function metaName(zone: Zone, rr: Rr): string | undefined {
  return rr.type === 'PTR' && rr.data !== zone.instance ? rr.name : undefined;
}

/** The sets of `after` that are not as they were. */
function changedSets(before: Zone, after: Zone): Set<string> {
  const contents = ({ rrs }: Zone) => {
    const sets = new Map<string, string>();
    for (const rr of rrs) {
      const set = setKey(rr.name, rr.type);
      sets.set(set, `${sets.get(set) ?? ''}\n${rrKey(rr)}`);
    }
    return sets;
  };
  const old = contents(before);
  const now = contents(after);
  const changed = [...now].filter(([set, content]) => old.get(set) !== content);
  // What is only missing now is a change too, though there is nothing of it to announce.
  const missing = [...old.keys()].filter((set) => !now.has(set));
  return new Set([...changed.map(([set]) => set), ...missing]);
}
