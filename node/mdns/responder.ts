import type { Clock } from '../../src/clock.js';
import { Answers } from './answers.js';
import { answers, makeMessage, rrKey, setKey, type Message, type Rr } from './message.js';
import { canonical } from './names.js';
import { packGroups, type Group } from './packets.js';
import { KnownAnswers, type Query } from './known.js';
import type { Peer } from './transport.js';
import { additionalsFor, type Zone } from './zone.js';

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
const goodbyeRepeatAfter = 250;
const defenceInterval = 1000;
const probeInterval = 250; // §6: a probe is answered though the record was sent less than a second ago
const legacyTtl = 10; // §6.7

/** What one link is told of our instances: announcements, answers, goodbyes, defence. */
export class Responder {
  readonly #options: ResponderOptions;
  /** By canonical instance name. */
  readonly #served = new Map<string, Served>();
  readonly #answers: Answers;
  readonly #known: KnownAnswers;
  readonly #farewells = new Map<() => void, () => void>();
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
    this.#announceTwice(fresh, undefined);
  }

  #change(served: Served, zone: Zone): void {
    const before = served.zone;
    served.zone = zone;
    const sets = changedSets(before, zone);
    if (sets.size === 0) return;
    const gone = before.rrs.filter(
      (rr) =>
        !zone.rrs.some((other) => setKey(other.name, other.type) === setKey(rr.name, rr.type)),
    );
    void this.#sayGoodbye(gone);
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
    for (const message of packGroups(groups)) {
      this.#answers.sent([...message.answers, ...message.additionals]);
      this.#options.send(message);
    }
  }

  /**
   * Says goodbye (RFC 6762 §10.1), and once more a little later, since a lost goodbye costs others
   * two minutes. Resolves when the first has left.
   */
  withdraw(instance: string): Promise<void> {
    const key = canonical(instance);
    const served = this.#served.get(key);
    if (served === undefined) return Promise.resolve();
    this.#served.delete(key);
    this.#announcing.delete(served);
    served.cancelDelayed?.();
    served.cancelDefence?.();
    for (const cancel of served.repeats) cancel();
    this.#answers.forget(served.zone.rrs);
    // The type itself stays as long as anybody has it, and expires when nobody does.
    return this.#sayGoodbye(served.zone.rrs.filter((rr) => rr.name !== metaName(served.zone, rr)));
  }

  #sayGoodbye(rrs: readonly Rr[]): Promise<void> {
    if (rrs.length === 0) return Promise.resolve();
    const goodbyes = rrs.map((rr) => ({ ...rr, ttl: 0 }));
    const say = () =>
      Promise.all(
        packGroups([{ answers: goodbyes, additionals: [] }]).map(
          (message) => new Promise<void>((done) => this.#options.send(message, undefined, done)),
        ),
      );
    const repeat = () => {
      this.#farewells.delete(repeat);
      // Not what was announced again in the meantime.
      if (!rrs.some((rr) => this.#owns(rr))) void say();
    };
    const cancel = this.#options.clock.after(goodbyeRepeatAfter, repeat, true);
    this.#farewells.set(repeat, cancel);
    return say().then(() => {});
  }

  #owns(rr: Rr): boolean {
    const key = rrKey(rr);
    return [...this.#served.values()].some(({ zone }) =>
      zone.rrs.some((own) => rrKey(own) === key),
    );
  }

  /** Answers a query: at once, or after a moment (RFC 6762 §6). */
  query(message: Message, from: Peer): void {
    if (this.#served.size === 0) return;
    this.#known.receive(message, from);
  }

  #answer(query: Query): void {
    const { message, from } = query;
    if (from.port !== this.#options.port) return this.#answerLegacy(query);
    const probe = message.authorities.length > 0;
    const byUnicast: Group[] = [];
    for (const { zone } of this.#served.values()) {
      const direct: Rr[] = [];
      for (const question of message.questions) {
        for (const rr of matches(zone, question)) {
          if (query.knows(rr)) continue;
          const unicast =
            question.unicast === true &&
            !this.#options.isOwn(from.address) &&
            this.#answers.sentWithin(rr, (rr.ttl * 1000) / 4);
          if (unicast) direct.push(rr);
          else {
            const interval = probe ? Math.min(probeInterval, this.#options.interval) : undefined;
            this.#answers.add(rr, additionalsFor(zone, rr), interval);
          }
        }
      }
      if (direct.length > 0) byUnicast.push(group(zone, direct));
    }
    for (const packet of packGroups(byUnicast)) this.#options.send(packet, from);
  }

  /** To simple resolvers as any DNS server would, by unicast, for a few seconds (RFC 6762 §6.7). */
  #answerLegacy({ message, from }: Query): void {
    const groups = [...this.#served.values()].flatMap(({ zone }) => {
      const found = message.questions.flatMap((question) => matches(zone, question));
      return found.length > 0 ? [group(zone, found)] : [];
    });
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
      for (const served of this.#served.values()) {
        if (this.#isWrong(served.zone, rr)) this.#defend(served);
      }
    }
  }

  /** Someone else's data under a unique name of ours (RFC 6762 §9), or ours about to expire (§6.6, §10.1). */
  #isWrong(zone: Zone, rr: Rr): boolean {
    const set = setKey(rr.name, rr.type);
    const ours = zone.rrs.filter((own) => setKey(own.name, own.type) === set);
    if (ours.length === 0) return false;
    const key = rrKey(rr);
    const same = ours.find((own) => rrKey(own) === key);
    if (same !== undefined) return rr.ttl < same.ttl / 2;
    // What we sent ourselves a moment ago, before it changed, comes back from the group.
    return rr.type !== 'PTR' && rr.ttl > 0 && !this.#answers.sentWithin(rr, 10_000);
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
    for (const [repeat, cancel] of [...this.#farewells]) {
      cancel();
      repeat();
    }
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
  own(question: { readonly name: string; readonly type: string }): Rr[] {
    const set = setKey(question.name, question.type);
    return [...this.#served.values()].flatMap(({ zone }) =>
      zone.rrs.filter((rr) => setKey(rr.name, rr.type) === set),
    );
  }
}

function matches(zone: Zone, question: Message['questions'][number]): Rr[] {
  const found = zone.rrs.filter((rr) => answers(question, rr));
  // We own the name, so we can say that there is no such record (RFC 6762 §6.1).
  const address = question.type === 'A' || question.type === 'AAAA';
  const ours = canonical(question.name) === canonical(zone.nsec.name);
  return found.length === 0 && address && ours ? [zone.nsec] : found;
}

function group(zone: Zone, found: readonly Rr[]): Group {
  return { answers: found, additionals: found.flatMap((rr) => additionalsFor(zone, rr)) };
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
