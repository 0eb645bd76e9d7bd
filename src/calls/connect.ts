import { DserviceError } from '../errors.js';
import { isReceived } from '../protocol/error-value.js';
import { callable, type Callable, type CallOptions, dispose } from '../protocol/options.js';
import {
  type CallsRuntime,
  checkOptions,
  type Dialled,
  dialOptions,
  type DialOptions,
  openSession,
} from './dial.js';
import { type Instance, Instances } from './instances.js';
import { handled } from './outcome.js';
import type { CallSession } from './session.js';
import type { Ways } from './ways.js';

export interface ConnectOptions extends DialOptions {
  /** Where the rendezvous is, and credentials for it. In a page, without it, at the page's own origin. */
  readonly rendezvous?: string | { readonly url: string; readonly auth?: unknown };
}

/** Milliseconds for one way to an instance; of one that was not reached, until it is tried again. */
const reach = 5_000;
const rest = 1_000;

/** Calls to whichever instance will do: docs/calls.md. */
class Caller {
  readonly #runtime: CallsRuntime;
  readonly #options: DialOptions;
  readonly #given: DialOptions;
  readonly #what: string;
  readonly #instances: Instances;
  #changed: { promise: Promise<void>; tell: () => void } | undefined;
  /** Aborted at the end, and with it what is being opened. */
  readonly #gone = new AbortController();
  #why: unknown;

  constructor(
    runtime: CallsRuntime,
    options: DialOptions,
    what: string,
    make: (onChange: () => void) => Instances,
  ) {
    this.#runtime = runtime;
    this.#options = options;
    const { signal: _, ...given } = options;
    this.#given = { ...given, timeout: reach, signal: this.#gone.signal };
    this.#what = what;
    this.#instances = make(() => this.#tell());
  }

  /** A session with the best instance; waits for one. Rejects with ERR_NO_INSTANCE, ERR_RANGE, ERR_DEADLINE, ERR_CANCELLED, ERR_CLOSED. */
  async session(due: number, signal?: AbortSignal): Promise<CallSession> {
    const { clock } = this.#runtime;
    const { timeout = 10_000 } = this.#options;
    const late = Math.min(due, clock.now() + timeout);
    for (;;) {
      const ready = this.#ready();
      if (ready !== undefined) return ready;
      const best = this.#pick();
      const next = best === undefined ? this.#change() : this.#open(best);
      await this.#until(next, late, signal);
    }
  }

  async call(path: readonly string[], args: unknown[], given: CallOptions = {}): Promise<unknown> {
    const { clock } = this.#runtime;
    const { signal, deadline = this.#options.deadline ?? 30_000 } = given;
    const method = path.join('.');
    const due = clock.now() + deadline;
    for (;;) {
      let session = this.#ready();
      try {
        // At once where it can be, so that calls start in the order in which they were made.
        session ??= await this.session(due, signal);
      } catch (error) {
        if (DserviceError.is(error)) Object.assign(error, { method, mayHaveRun: false });
        throw error;
      }
      const fn = path.reduce<unknown>((at, key) => own(at, key), session.remote);
      const behind =
        typeof fn === 'function' ? (fn as { [callable]?: Callable })[callable] : undefined;
      if (behind === undefined) {
        const text = `${this.#what} has no method "${method}"`;
        throw new DserviceError('ERR_METHOD', text, { method, mayHaveRun: false });
      }
      try {
        const left = Math.max(1, due - clock.now());
        return await behind.call(args, { ...given, deadline: left });
      } catch (error) {
        if (!goesOn(error, given)) throw error;
      }
    }
  }

  /** A session at once, where there is one: nobody waits for an instance that may not be reached, while another is. */
  #ready(): CallSession | undefined {
    const best = this.#pick();
    if (best === undefined || best.session !== undefined) return best?.session;
    const other = this.#pick(true)?.session;
    if (other !== undefined) void this.#open(best);
    return other;
  }

  /** The one with the least to do; among several, one by lot. `open`: of those that have a session. */
  #pick(open = false): Instance | undefined {
    const { clock } = this.#runtime;
    let best: Instance | undefined;
    let least = Infinity;
    let equals = 0;
    for (const it of this.#instances) {
      if (it.rests > clock.now() || it.session?.leaving === true) continue;
      if (open && it.session === undefined) continue;
      const load = it.session?.outstanding ?? 0;
      if (load > least) continue;
      equals = load < least ? 1 : equals + 1;
      least = load;
      if (clock.random() * equals < 1) best = it;
    }
    return best;
  }

  /** Opens a session to it, by the first way that leads there. Never rejects. */
  async #open(it: Instance): Promise<void> {
    it.opening ??= this.#reach(it);
    try {
      it.session = await it.opening;
      it.failures = 0;
      // Meanwhile all may be over, or it alone.
      if (!this.#instances.has(it)) it.session.close();
      if (it.session.ended) it.session = undefined;
    } catch (error) {
      this.#why = error;
      if (it.opening !== undefined && this.#instances.has(it)) {
        const wait = rest * 2 ** Math.min(it.failures++, 5);
        it.rests = this.#runtime.clock.now() + wait;
        it.stopRest = this.#runtime.clock.after(wait, () => this.#tell(), true);
      }
    }
    it.opening = undefined;
  }

  async #reach(it: Instance): Promise<CallSession> {
    let why: unknown;
    for (const endpoint of it.endpoints) {
      try {
        const way = await this.#instances.way(endpoint, it.id);
        const session = await openSession(this.#runtime, way, this.#given, () => {
          // It may end before it is here.
          if (it.session?.ended === true) it.session = undefined;
          this.#tell();
        });
        if (session.instance === undefined || session.instance === it.id) return session;
        session.close();
        why = new DserviceError('ERR_CONNECT', `another instance answers at ${endpoint}`);
      } catch (error) {
        why = error;
      }
    }
    throw why;
  }

  /** Waits, but not for ever. */
  #until(next: Promise<void>, late: number, signal: AbortSignal | undefined): Promise<void> {
    const { clock } = this.#runtime;
    return new Promise((resolve, reject) => {
      const over = (error?: unknown): void => {
        stopTimer();
        signal?.removeEventListener('abort', abort);
        if (error === undefined) resolve();
        // An error of ours in each case.
        // oxlint-disable-next-line prefer-promise-reject-errors
        else reject(error);
      };
      const abort = (): void =>
        over(new DserviceError('ERR_CANCELLED', 'it was cancelled', { cause: signal?.reason }));
      const stopTimer = clock.after(Math.max(0, late - clock.now()), () => over(this.#none()));
      signal?.addEventListener('abort', abort);
      if (signal?.aborted === true) return abort();
      const stopped = this.#gone.signal.aborted
        ? new DserviceError('ERR_CLOSED', `${this.#what} was closed on this side`)
        : this.#instances.fatal;
      if (stopped !== undefined) return over(stopped);
      void next.then(() => over());
    });
  }

  #none(): DserviceError {
    const cause = this.#instances.why ?? this.#why;
    const why = cause instanceof Error ? `: ${cause.message}` : '';
    return new DserviceError('ERR_NO_INSTANCE', `no instance of ${this.#what} was reached${why}`, {
      ...{ service: this.#what, cause, mayHaveRun: false },
    });
  }

  #change(): Promise<void> {
    if (this.#changed === undefined) {
      let tell = (): void => {};
      const promise = new Promise<void>((resolve) => (tell = resolve));
      this.#changed = { promise, tell };
    }
    return this.#changed.promise;
  }

  #tell(): void {
    this.#changed?.tell();
    this.#changed = undefined;
  }

  close(): void {
    this.#instances.close();
    this.#gone.abort();
    this.#tell();
  }
}

/** Whether a call may go to another instance: it did not leave, or may run twice; and that was not its outcome. */
function goesOn(error: unknown, { idempotent }: CallOptions): boolean {
  if (!DserviceError.is(error) || isReceived(error)) return false;
  const lost = error.code === 'ERR_CONNECTION_LOST';
  return lost && (error.mayHaveRun === false || idempotent === true);
}

function own(value: unknown, key: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
  return (value as Record<string, unknown>)[key];
}

/** What stands for a service: a function at every level, since what it has is known at the calls. */
function remoteOf(caller: Caller, path: readonly string[]): object {
  const inner = new Map<string, object>();
  const call = (args: unknown[], given?: CallOptions) => handled(caller.call(path, args, given));
  const behind: Callable = { call, release: () => {} };
  return new Proxy(() => {}, {
    apply: (_target, _self, args: unknown[]) => call(args),
    get(_target, key): unknown {
      if (key === callable) return path.length > 0 ? behind : undefined;
      if (key === dispose && path.length === 0) return () => caller.close();
      // A promise must be able to hold it, and JSON to pass it by.
      if (typeof key === 'symbol' || key === 'then' || key === 'toJSON') return undefined;
      let found = inner.get(key);
      if (found === undefined) inner.set(key, (found = remoteOf(caller, [...path, key])));
      return found;
    },
  });
}

/**
 * Finds the instances of a service at a rendezvous, and calls them: `connect('greeter@^1', { rendezvous })`. Resolves
 * with a remote when one is there; each call goes to one of them, and on to another one while it has not left.
 * `using` closes it. Rejects with ERR_NAME, ERR_RANGE, ERR_OPTION, ERR_NO_INSTANCE, ERR_CANCELLED.
 */
export function makeConnect(runtime: CallsRuntime, ways: Ways) {
  // Without a type, a remote is what the caller believes it to be.
  // oxlint-disable-next-line no-explicit-any
  return async function connect<T = any>(
    service: string,
    options: ConnectOptions = {},
  ): Promise<Dialled<T>> {
    checkOptions(options, `${dialOptions} rendezvous`);
    const [, name, range] = /^([a-z0-9.-]{1,63})(?:@(.{1,256}))?$/.exec(service) ?? [];
    if (name === undefined) {
      throw new DserviceError('ERR_NAME', `"${service}" is no name of a service: as greeter@^1`);
    }
    const { rendezvous = ways.home(), tls, limits, timeout = 10_000, signal } = options;
    const { url: text, auth } =
      typeof rendezvous === 'object' ? rendezvous : { url: rendezvous, auth: undefined };
    const url = urlOf(text);
    // One that is there and undefined is as one that is not.
    const link: DialOptions = { auth, ...(tls && { tls }), ...(limits && { limits }) };
    const caller = new Caller(runtime, options, service, (onChange) => {
      return new Instances({ runtime, ways, url, link, name, range, onChange });
    });
    try {
      await caller.session(runtime.clock.now() + timeout, signal);
    } catch (error) {
      caller.close();
      throw error;
    }
    // What the service really has is known only at the calls.
    return remoteOf(caller, []) as Dialled<T>;
  };
}

/** `http:` is read as `ws:`, and no path as the usual one. Throws ERR_OPTION. */
function urlOf(text: unknown): string {
  try {
    const url = new URL(String(text).replace(/^http/, 'ws'));
    if (url.pathname === '/') url.pathname = '/rendezvous';
    if (/^wss?:$/.test(url.protocol)) return url.href;
  } catch {
    // It is told below.
  }
  throw new DserviceError('ERR_OPTION', `\`rendezvous\`: '${String(text)}' is no URL of one`);
}
