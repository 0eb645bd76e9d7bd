import type { DserviceError } from '../errors.js';
import { isRecord } from '../protocol/message.js';
import { type CallsRuntime, type DialOptions, openSession } from './dial.js';
import type { CallSession } from './session.js';
import type { Ways } from './ways.js';

/** One running copy of what is looked for. */
export interface Instance {
  readonly id: string;
  version: string;
  /** Where it is reached, best first. */
  endpoints: readonly string[];
  up: boolean;
  session: CallSession | undefined;
  opening: Promise<CallSession> | undefined;
  /** Not before then (ms of the clock) it is tried again, and how often it failed. */
  rests: number;
  stopRest: (() => void) | undefined;
  failures: number;
}

export interface InstancesOptions {
  readonly runtime: CallsRuntime;
  readonly ways: Ways;
  /** Of the rendezvous. */
  readonly url: string;
  readonly link: DialOptions;
  readonly name: string;
  readonly range: string | undefined;
  /** Something is other than it was. */
  onChange(): void;
}

/** Records that are kept; what is beyond is not heard. */
const most = 10_000;
/** Milliseconds between two attempts to reach the rendezvous: first and last, drawn by lot. */
const pauses = { first: 250, longest: 15_000 };

/** The instances of a name that a rendezvous tells of, and which of them are in range: that it says as well. */
export class Instances {
  readonly #options: InstancesOptions;
  readonly #known = new Map<string, Instance>();
  /** Whether a version is in range; undefined while that is asked. */
  readonly #fits = new Map<string, boolean | undefined>();
  /** Those that were told since the beginning of what is all. */
  #seen: Set<string> | undefined;
  #link: CallSession | undefined;
  #failures = 0;
  readonly #gone = new AbortController();
  #stopTimer: (() => void) | undefined;
  /** Ends the wait for those who may be on their way. */
  #stopSettling: (() => void) | undefined;
  /** Why the rendezvous cannot be reached, or what it refuses. */
  why: unknown;
  /** The range is none: there is no going on. */
  fatal: DserviceError | undefined;

  constructor(options: InstancesOptions) {
    this.#options = options;
    void this.#connect();
  }

  /** Those that will do. */
  *[Symbol.iterator](): Iterator<Instance> {
    const { range } = this.#options;
    for (const it of this.#known.values()) {
      if (it.up && (range === undefined || this.#fits.get(it.version) === true)) yield it;
    }
  }

  has({ id }: Instance): boolean {
    return this.#known.has(id);
  }

  async #connect(): Promise<void> {
    const { runtime, url, link, name, range } = this.#options;
    try {
      const { signal } = this.#gone;
      const session = await openSession(runtime, url, { ...link, signal }, () => this.#again());
      if (signal.aborted) return session.close();
      this.#link = session;
      const hear = (events: unknown, about: unknown): void => {
        if (this.#link === session) this.#hear(events, about);
      };
      // Before all else: it may be no range.
      if (range !== undefined) await this.#match(session, range, []);
      await session.call('browse', 'browse', [name, hear, 'text']);
      this.why = undefined;
      this.#failures = 0;
    } catch (error) {
      this.why = error;
      this.#link?.close();
      this.#again();
    }
  }

  /** Connects after a while, unless it does so already. */
  #again(): void {
    const { clock } = this.#options.runtime;
    this.#link = undefined;
    if (this.#gone.signal.aborted || this.#stopTimer !== undefined) return;
    const pause = Math.min(pauses.longest, pauses.first * 2 ** this.#failures++);
    this.#stopTimer = clock.after(
      pause * (0.5 + clock.random() / 2),
      () => {
        this.#stopTimer = undefined;
        void this.#connect();
      },
      true,
    );
    this.#options.onChange();
  }

  #hear(text: unknown, about: unknown): void {
    const { clock } = this.#options.runtime;
    const { snapshot, first, more, settling } = isRecord(about) ? about : {};
    if (snapshot === true && first === true) this.#seen = new Set();
    let events: unknown;
    try {
      events = JSON.parse(String(text));
    } catch {
      // Nothing is told then.
    }
    for (const event of Array.isArray(events) ? (events as unknown[]) : []) {
      if (isRecord(event) && isRecord(event.record)) this.#one(event, event.record);
    }
    this.#ask();
    const seen = this.#seen;
    if (snapshot === true && more !== true && seen !== undefined) {
      // Those who were with the rendezvous before this one may be on their way.
      const wait = typeof settling === 'number' ? Math.min(settling, 60_000) : 0;
      this.#stopSettling?.();
      this.#stopSettling = clock.after(
        wait,
        () => {
          if (this.#seen !== seen) return;
          this.#seen = undefined;
          for (const id of this.#known.keys()) if (!seen.has(id)) this.#drop(id);
        },
        true,
      );
    }
    this.#options.onChange();
  }

  #one(event: Record<string, unknown>, record: Record<string, unknown>): void {
    const { ways, name } = this.#options;
    const { id, version, endpoints, state } = record;
    // A path is made of it.
    if (typeof id !== 'string' || !/^[\da-f]{16}$/.test(id) || record.name !== name) return;
    if (event.type === 'down') return this.#drop(id);
    const known = this.#known.get(id);
    if (typeof version !== 'string' || (known === undefined && this.#known.size >= most)) return;
    const given = Array.isArray(endpoints) ? (endpoints as unknown[]) : [];
    const reached = given.flatMap((way) =>
      typeof way === 'string' ? (ways.reach(way) ?? []) : [],
    );
    if (event.dial === true) reached.push(this.#to(id));
    this.#seen?.add(id);
    const now = { version, endpoints: reached, up: state === 'up' && reached.length > 0 };
    if (known !== undefined) Object.assign(known, now);
    else {
      const none = { session: undefined, opening: undefined, stopRest: undefined };
      this.#known.set(id, { id, ...now, ...none, rests: 0, failures: 0 });
    }
  }

  /** It is gone, by what is told; what it was asked before may yet be answered. */
  #drop(id: string): void {
    const known = this.#known.get(id);
    this.#known.delete(id);
    known?.stopRest?.();
    known?.session?.retire();
  }

  /** An endpoint as it is dialled: past a rendezvous that asks for credentials, with a ticket of its. */
  async way(endpoint: string, id: string): Promise<string> {
    const link = this.#link;
    if (link?.remote.ticket === undefined || endpoint !== this.#to(id)) return endpoint;
    const ticket: unknown = await link.call('ticket', 'ticket', [id], { deadline: 5_000 });
    return `${endpoint}?ticket=${typeof ticket === 'string' ? ticket : ''}`;
  }

  #to(id: string): string {
    return `${this.#options.url}/to/${id}`;
  }

  /** Which of the versions that were heard of are in range. */
  #ask(): void {
    const { range } = this.#options;
    const link = this.#link;
    const versions = new Set([...this.#known.values()].map(({ version }) => version));
    const fresh = [...versions].filter((version) => !this.#fits.has(version));
    for (const version of this.#fits.keys()) if (!versions.has(version)) this.#fits.delete(version);
    if (range === undefined || link === undefined || fresh.length === 0) return;
    for (const version of fresh) this.#fits.set(version, undefined);
    this.#match(link, range, fresh).catch((error: unknown) => {
      this.why = error;
      for (const version of fresh) this.#fits.delete(version);
    });
  }

  async #match(link: CallSession, range: string, versions: readonly string[]): Promise<void> {
    try {
      const answers = await link.call('match', 'match', [range, versions]);
      for (const [at, version] of versions.entries()) {
        this.#fits.set(version, Array.isArray(answers) && answers[at] === true);
      }
    } catch (error) {
      if (isRecord(error) && error.code === 'ERR_RANGE')
        this.fatal = error as unknown as DserviceError;
      throw error;
    } finally {
      this.#options.onChange();
    }
  }

  close(): void {
    this.#gone.abort();
    this.#stopTimer?.();
    this.#stopSettling?.();
    this.#link?.close();
    for (const { session, stopRest } of this.#known.values()) {
      stopRest?.();
      session?.close();
    }
    this.#known.clear();
  }
}
