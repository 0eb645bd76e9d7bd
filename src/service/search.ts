import type { Clock } from '../clock.js';
import { DserviceError } from '../errors.js';
import { type Connection, patience } from './connection.js';
import type { EngineSession as Session } from './engine.js';
import { formatQuery, type Query } from './name.js';
import type { Resolver } from './resolver.js';

export interface SearchOptions {
  readonly resolver: Resolver;
  readonly query: Query;
  readonly clock: Clock;
  /** Milliseconds that it may take. */
  readonly wait: number;
  /** When the call is due for which it is made: ms of the clock. */
  readonly due?: number;
  readonly signal?: AbortSignal | undefined;
  /** The method that is to be called, for errors. */
  readonly method?: string;
  /** The id of an instance that is taken only where there is no other. */
  readonly avoid?: string | undefined;
}

/** An instance that was found. */
export interface Hit {
  readonly connection: Connection;
  readonly session: Session;
  /** Gives the connection back. */
  end(): void;
}

/** Milliseconds after which instances that could not be reached are tried again. */
const round = 1_000;

/** So often may a call that may run twice lose its connection; the next time it had better wait for the session that has it. */
export const mostLosses = 3;

const passing = new Set(['ERR_CONNECT', 'ERR_CONNECTION_LOST', 'ERR_CLOSED']);

/**
 * Looks for an instance that can be reached, for one call or one connection: tries each once, and
 * while there is time, those that come, and once a second those that were there.
 */
export class Search {
  readonly #options: SearchOptions;
  readonly #until: number;
  readonly #tried = new Set<string>();
  /** A call was lost there: others first. */
  readonly #avoided = new Set<string>();
  /** Attempts that were lost, and may have run: of errors that say otherwise, the caller knows better. */
  losses = 0;
  #last: Error | undefined;

  constructor(options: SearchOptions) {
    this.#options = options;
    this.#until = options.clock.now() + options.wait;
    if (options.avoid !== undefined) this.#avoided.add(options.avoid);
  }

  /**
   * Finds an instance, and connects to it; first to the one that was picked already. Rejects with ERR_NO_INSTANCE, ERR_CONNECT, ERR_AUTH,
   * ERR_OPTION, ERR_DEADLINE, ERR_CANCELLED, ERR_CLOSED.
   */
  async find(picked?: Connection): Promise<Hit> {
    let first = picked;
    for (;;) {
      const connection = first ?? (await this.#next());
      first = undefined;
      const end = connection.use();
      try {
        return { connection, session: await this.#inTime(connection), end };
      } catch (error) {
        end();
        if (this.#isOver(error)) throw error;
        this.#tried.add(connection.record.id);
        this.#last = toError(error);
      }
    }
  }

  /** A call that may be made again was lost at an instance. Throws the error when that was too often. */
  lost({ record }: Connection, error: unknown): void {
    this.#last = toError(error);
    if (!(DserviceError.is(error) && error.mayHaveRun === false) && ++this.losses > mostLosses) {
      throw error;
    }
    if (!isPassing(this.#last) || this.#avoided.has(record.id)) this.#tried.add(record.id);
    this.#avoided.add(record.id);
  }

  async #next(): Promise<Connection> {
    const { resolver, query, signal, clock } = this.#options;
    for (;;) {
      const found =
        resolver.pick(query, union(this.#tried, this.#avoided)) ??
        resolver.pick(query, this.#tried);
      if (found !== undefined) return found;
      const { size } = this.#tried;
      const last = this.#last;
      if (size > 0 && last !== undefined && !isPassing(last)) throw last;
      const left = Math.min(this.#until, this.#due) - clock.now();
      if (!(left > 0)) throw this.#late();
      const wait = size > 0 ? Math.min(left, round) : left;
      const came = await this.#cancellable(resolver.wait(query, wait, this.#tried, signal));
      if (came !== undefined) return came;
      this.#tried.clear();
      this.#avoided.clear();
    }
  }

  /** Opening goes on beside, where it takes long and there are others. */
  async #opened(connection: Connection): Promise<Session> {
    const opening = connection.open();
    if (connection.session !== undefined) return await opening;
    const { resolver, query, clock } = this.#options;
    let end = (): void => {};
    const slow = new Promise<never>((_, reject) => {
      end = clock.after(patience, () => {
        const others = union(this.#tried, new Set([connection.record.id]));
        if (resolver.offers(query, others)) reject(slowToOpen(connection));
      });
    });
    opening.catch(() => {});
    try {
      return await Promise.race([opening, slow]);
    } finally {
      end();
    }
  }

  get #due(): number {
    return this.#options.due ?? Infinity;
  }

  /** Opening goes on for others, when the time of this call, or that there was to find one, is over. */
  async #inTime(connection: Connection): Promise<Session> {
    const { clock, signal } = this.#options;
    const opening = this.#opened(connection);
    if (connection.session !== undefined) return await opening;
    let end = (): void => {};
    const over = new Promise<never>((_, reject) => {
      // Why the attempts before have failed says more than that this one has no time left.
      const late = (): void =>
        reject(clock.now() < this.#due ? (this.#last ?? slowToOpen(connection)) : this.#late());
      const left = Math.min(this.#due, this.#until) - clock.now();
      const stop = left === Infinity ? undefined : clock.after(left, late);
      const abort = (): void => reject(this.#cancelled());
      signal?.addEventListener('abort', abort);
      end = () => {
        stop?.();
        signal?.removeEventListener('abort', abort);
      };
    });
    try {
      return await Promise.race([opening, over]);
    } finally {
      end();
    }
  }

  #isOver(error: unknown): boolean {
    return (
      DserviceError.is(error) && (error.code === 'ERR_DEADLINE' || error.code === 'ERR_CANCELLED')
    );
  }

  async #cancellable<T>(promise: Promise<T>): Promise<T> {
    try {
      return await promise;
    } catch (error) {
      throw this.#options.signal?.aborted === true ? this.#cancelled() : error;
    }
  }

  /** Time is up: the call's own, or what there was to find an instance. */
  #late(): Error {
    const { resolver, query, wait, method } = this.#options;
    const why = this.#last ?? resolver.none(query, wait);
    if (this.#due > this.#until) return why;
    return new DserviceError(
      'ERR_DEADLINE',
      `no instance took ${method ?? 'the call'} in time: ${why.message}`,
      {
        ...this.#details,
        cause: why,
      },
    );
  }

  #cancelled(): DserviceError {
    const cause: unknown = this.#options.signal?.reason;
    const text = `${this.#options.method ?? 'the call'} was cancelled`;
    return new DserviceError('ERR_CANCELLED', text, { ...this.#details, cause });
  }

  get #details() {
    const { query, method } = this.#options;
    return {
      service: formatQuery(query),
      ...(method === undefined ? {} : { method }),
      mayHaveRun: false,
    };
  }
}

function union(a: ReadonlySet<string>, b: ReadonlySet<string>): ReadonlySet<string> {
  return b.size === 0 ? a : new Set([...a, ...b]);
}

function slowToOpen({ record: { name, version, id } }: Connection): DserviceError {
  const text = `${name}@${version} (${id}) is slow to connect to`;
  return new DserviceError('ERR_CONNECT', text, { mayHaveRun: false });
}

/** Whether another moment may be free of it. */
function isPassing(error: Error): boolean {
  return DserviceError.is(error) && passing.has(error.code);
}

function toError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error), { cause: error });
}
