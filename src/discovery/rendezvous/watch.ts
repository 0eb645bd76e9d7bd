import type { Clock } from '../../clock.js';
import { DserviceError } from '../../errors.js';
import type { AnyFunction } from '../../protocol/encode.js';
import { isRecord } from '../../protocol/message.js';
import type { Link } from './link.js';
import { isFunction, releaseFunction } from './remote-side.js';
import { Upkeep } from './upkeep.js';

/** Milliseconds that a rendezvous may ask to be waited for. */
const longestSettling = 60_000;

/** Instances that are remembered of a snapshot: of one without an end the rest is not believed. */
const mostSeen = 100_000;

export interface WatchOptions {
  readonly clock: Clock;
  readonly logger: { warn(message: string): void };
  /** What is browsed for; undefined, everything. */
  readonly name: string | undefined;
  /** One event, unchecked. */
  onEvent(event: unknown): void;
  /** All that is there has been told since the link came, and everybody had time to come: these ids. */
  onSnapshot(ids: ReadonlySet<string>): void;
}

/** A name, or all, that is browsed for: at each link anew. */
export class Watch {
  /** Who browses for it here. */
  users = 0;
  readonly #options: WatchOptions;
  readonly #upkeep: Upkeep;
  #link: Link | undefined;
  #stop: AnyFunction | undefined;
  #seen: Set<string> | undefined;
  #stopSettling: (() => void) | undefined;
  #over = false;

  constructor(options: WatchOptions) {
    const { clock, logger, name } = options;
    this.#options = options;
    const what = name === undefined ? 'to tell of all' : `to tell of ${name}`;
    this.#upkeep = new Upkeep({ clock, logger, what, step: (link) => this.#step(link) });
  }

  use(link: Link | undefined): void {
    this.#link = link;
    this.#stop = undefined;
    this.#forgetSeen();
    this.#upkeep.use(link);
  }

  async #step(link: Link): Promise<boolean> {
    if (this.#stop !== undefined) return false;
    const listener = (events: unknown, about: unknown): void => {
      if (this.#link === link && !this.#over) this.#hear(events, about);
    };
    const stop = await link.call('browse', [this.#options.name ?? null, listener, 'text']);
    if (!isFunction(stop)) throw new DserviceError('ERR_MALFORMED', 'it answered something else');
    if (this.#over) end(stop);
    else if (this.#link === link) this.#stop = stop;
    return false;
  }

  #hear(events: unknown, about: unknown): void {
    const { onEvent, clock } = this.#options;
    const { snapshot, first, more, settling } = isRecord(about) ? about : {};
    if (snapshot === true && first === true) {
      this.#forgetSeen();
      this.#seen = new Set();
    }
    for (const event of listOf(events)) {
      onEvent(event);
      const id = idOf(event);
      if (id !== undefined && this.#seen !== undefined) this.#see(this.#seen, id);
    }
    if (snapshot !== true || more === true || this.#seen === undefined) return;
    this.#stopSettling?.();
    const wait = typeof settling === 'number' ? Math.min(settling, longestSettling) : 0;
    if (wait > 0) this.#stopSettling = clock.after(wait, () => this.#settled(), true);
    else this.#settled();
  }

  #see(seen: Set<string>, id: string): void {
    if (seen.size < mostSeen) seen.add(id);
    // Nobody is taken for gone by a snapshot that was not heard to its end.
    else if (!seen.has(id)) this.#forgetSeen();
  }

  #settled(): void {
    if (this.#seen !== undefined) this.#options.onSnapshot(this.#seen);
    this.#forgetSeen();
  }

  #forgetSeen(): void {
    this.#seen = undefined;
    this.#stopSettling?.();
    this.#stopSettling = undefined;
  }

  end(): void {
    this.#over = true;
    this.#forgetSeen();
    this.#upkeep.stop();
    if (this.#stop !== undefined) end(this.#stop);
    this.#stop = undefined;
  }
}

/** Events come as text; what is none is nothing. */
function listOf(text: unknown): unknown[] {
  try {
    const list: unknown = typeof text === 'string' ? JSON.parse(text) : undefined;
    return Array.isArray(list) ? list : [];
  } catch {
    return [];
  }
}

function idOf(event: unknown): string | undefined {
  const record = isRecord(event) ? event.record : undefined;
  const id = isRecord(record) ? record.id : undefined;
  return typeof id === 'string' && id.length <= 16 ? id : undefined;
}

function end(stop: AnyFunction): void {
  // What cannot be stopped has ended with its link.
  Promise.resolve(stop()).catch(() => {});
  releaseFunction(stop);
}
