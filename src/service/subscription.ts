import type { Clock } from '../clock.js';
import { DserviceError } from '../errors.js';
import { messageOf } from '../protocol/encode.js';
import { dispose } from '../protocol/options.js';
import type { Connection } from './connection.js';
import type { Query } from './name.js';
import type { Resolver } from './resolver.js';

/** Takes a listener away when it is called, or by `using`. */
export interface Subscription extends Disposable {
  (): void;
  /** Resolves once an instance tells it its events. Rejects with ERR_CLOSED where that will not be, and ERR_RANGE. */
  readonly ready: Promise<void>;
}

/** What an event brings, where nobody says it. */
// oxlint-disable-next-line no-explicit-any -- as a remote without types
export type Untold = any[];

export interface ListeningOptions {
  readonly resolver: Resolver;
  readonly query: Query;
  readonly event: string;
  /** The service that listens; null for a caller without a name. */
  readonly self: string | null;
  readonly clock: Clock;
  readonly listener: (...args: unknown[]) => unknown;
  /** Told of what the listener throws, and of why an instance cannot be listened to. */
  onError(error: unknown): void;
}

/** ms until an instance is tried again that could not be listened to: at first, and at most. */
const firstPause = 500;
const longestPause = 10_000;

/** ms for an instance to take a listener, or to let go of it. */
const deadline = 10_000;

/** ms that a listener may take: whoever emits waits no longer. */
export const listenerTime = 30_000;

/** ms after which the timer is set anew that keeps the process alive. */
const day = 86_400_000;

/** Why an instance may be listened to the next time. */
const passing = new Set(['ERR_CONNECT', 'ERR_CONNECTION_LOST', 'ERR_CLOSED', 'ERR_DEADLINE']);

/** One listener to an event of a service, at all of its instances that will do, as they come and go. */
export class Listening {
  readonly ready: Promise<void>;
  readonly #options: ListeningOptions;
  /** Those that it listens to, or tries to. */
  readonly #at = new Map<Connection, Promise<void>>();
  /** What the listener has begun. */
  readonly #running = new Set<Promise<void>>();
  readonly #stopFollowing: () => void;
  #stopStaying = (): void => {};
  #begun!: () => void;
  #refused!: (error: unknown) => void;
  /** Told when it is over. */
  readonly #wakers = new Set<() => void>();
  #over = false;

  constructor(options: ListeningOptions) {
    this.#options = options;
    this.ready = new Promise((resolve, reject) => {
      this.#begun = resolve;
      this.#refused = reject;
    });
    this.ready.catch(() => {});
    const { resolver, query } = options;
    this.#stopFollowing = resolver.instances(query.name).follow(() => this.#look());
    this.#stay();
    this.#look();
  }

  /** Keeps the process alive: whoever listens waits for something, also while nobody is there. */
  #stay(): void {
    this.#stopStaying = this.#options.clock.after(day, () => this.#stay());
  }

  /** Listens to those who are new. */
  #look(): void {
    if (this.#over) return;
    const { resolver, query, onError } = this.#options;
    try {
      for (const connection of resolver.connections(query)) {
        if (this.#at.has(connection)) continue;
        const listening = this.#listen(connection).finally(() => {
          this.#at.delete(connection);
          // It may be back by now.
          this.#look();
        });
        this.#at.set(connection, listening);
      }
    } catch (error) {
      // The range is none, as who matches it for us says only now.
      this.#refused(error);
      this.stop();
      onError(error);
    }
  }

  /** Listens to an instance as long as it is there. Never rejects. */
  async #listen(connection: Connection): Promise<void> {
    const { resolver, query, clock, onError } = this.#options;
    let pause = firstPause;
    let told = '';
    const isThere = (): boolean => !this.#over && resolver.connections(query).includes(connection);
    while (isThere()) {
      // In use, so that it stays open.
      const end = connection.use();
      try {
        await this.#hear(connection);
        pause = firstPause;
      } catch (error) {
        const text = messageOf(error);
        if (!(DserviceError.is(error) && passing.has(error.code)) && text !== told) {
          told = text;
          onError(error);
        }
        pause = Math.min(2 * pause, longestPause);
      } finally {
        end();
      }
      await this.#unlessStopped(
        new Promise<void>((resolve) => void clock.after(pause, resolve, true)),
      );
    }
  }

  /** Gives an instance the listener; resolves when it is over. Rejects with why it would not have it. */
  async #hear(connection: Connection): Promise<void> {
    const { event, self } = this.#options;
    const session = await connection.open();
    const over = new Promise<void>((resolve) => void session.on('end', () => resolve()));
    const off = await session.ask?.('on', { deadline }, [event, this.#heard, self]);
    if (typeof off !== 'function') {
      const { name, version } = connection.record;
      const text = `${name}@${version} tells no events: it is older, or speaks another way`;
      throw new DserviceError('ERR_METHOD', text, { mayHaveRun: false });
    }
    this.#begun();
    await this.#unlessStopped(over);
    if (session.ended) return;
    await (off as () => Promise<unknown>)();
    (off as unknown as Disposable)[dispose]();
    // What it was told before has an outcome, which is to leave.
    await this.#settled();
    await new Promise<void>((resolve) => this.#options.clock.defer(resolve));
  }

  /** Resolves with the promise, or when it is over. */
  #unlessStopped(promise: Promise<void>): Promise<void> {
    if (this.#over) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#wakers.delete(wake);
        resolve();
      };
      this.#wakers.add(wake);
      void promise.then(wake);
    });
  }

  /** Resolves when what the listener has begun has ended, or nobody waits for it any more. */
  async #settled(): Promise<void> {
    let end = (): void => {};
    const late = new Promise<void>((resolve) => {
      end = this.#options.clock.after(listenerTime, resolve);
    });
    await Promise.race([Promise.all(this.#running), late]);
    end();
  }

  /** What an instance calls, with all that the event has as one list: no function in it is taken for a callback. */
  readonly #heard = async (args: unknown): Promise<boolean> => {
    // It crossed our word that we listen no more: another instance is to hear it.
    if (this.#over) return false;
    const run = this.#run(Array.isArray(args) ? args : []);
    this.#running.add(run);
    await run;
    this.#running.delete(run);
    // An outcome also where all functions of this program take callbacks.
    return true;
  };

  async #run(args: unknown[]): Promise<void> {
    try {
      await this.#options.listener(...args);
    } catch (error) {
      this.#options.onError(error);
    }
  }

  /** No more events. */
  stop(): void {
    if (this.#over) return;
    this.#over = true;
    this.#stopFollowing();
    this.#stopStaying();
    this.#refused(new DserviceError('ERR_CLOSED', 'this listener was taken away'));
    for (const wake of this.#wakers) wake();
  }

  /** As `stop`; resolves when the instances know, and what the listener has begun has ended. Never rejects. */
  async drain(): Promise<void> {
    this.stop();
    await Promise.all([...this.#at.values(), this.#settled()]);
  }
}
