import type { Channel } from '../../channel/channel.js';
import type { Clock } from '../../clock.js';
import { DserviceError } from '../../errors.js';
import { messageOf } from '../../protocol/encode.js';
import { Link, type LinkOptions } from './link.js';

/**
 * Milliseconds. A link that lasted `settled` counts as one that works; after `bye`, `haste` at most. Who
 * takes longer than `slow` to answer is told of, and waited for all the same.
 */
const times = {
  ...{ first: 250, longest: 15_000, settled: 5_000, haste: 250 },
  ...{ connect: 20_000, slow: 3_000 },
};

export interface ConnectorOptions extends Pick<
  LinkOptions,
  'clock' | 'scope' | 'limits' | 'decodeText' | 'logger' | 'auth'
> {
  readonly url: string;
  /** Opens a channel to the rendezvous. */
  connect(): Promise<Channel>;
  /** Whether anybody needs a link. */
  wanted(): boolean;
  /** There is a link, for the first time or anew. */
  onLink(link: Link): void;
  /** There is none any more, or it will leave. */
  onLost(): void;
  onDegraded(reason: DserviceError | undefined): void;
}

interface Waiter {
  readonly ready: (link: Link) => void;
  readonly fail: (error: DserviceError) => void;
}

/**
 * Keeps one link to the rendezvous from the moment somebody needs it: connects, and connects again with
 * a pause that doubles and is drawn by lot, so that those who lost it together do not come together.
 */
export class Connector {
  readonly #options: ConnectorOptions;
  readonly #clock: Clock;
  readonly #waiters = new Set<Waiter>();
  readonly #retired = new Set<Link>();
  #link: Link | undefined;
  #trying: Link | 'connecting' | undefined;
  #failures = 0;
  #stopTimer: (() => void) | undefined;
  #stopSlow: (() => void) | undefined;
  #closed = false;
  degraded: DserviceError | undefined;

  constructor(options: ConnectorOptions) {
    this.#options = options;
    this.#clock = options.clock;
  }

  get link(): Link | undefined {
    return this.#link;
  }

  /** Begins, if it has not. */
  need(): void {
    if (this.#closed || this.#link !== undefined) return;
    if (this.#trying === undefined && this.#stopTimer === undefined) void this.#try();
  }

  /** The link, once there is one. Rejects with ERR_TIMEOUT, or ERR_CONNECT and why there is none. */
  ready(timeout: number): Promise<Link> {
    if (this.#link !== undefined) return Promise.resolve(this.#link);
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        ready(link) {
          stopTimer();
          resolve(link);
        },
        fail(error) {
          stopTimer();
          reject(error);
        },
      };
      // Not in the background: who waits keeps the process alive.
      const stopTimer = this.#clock.after(timeout, () => {
        this.#waiters.delete(waiter);
        reject(this.#noLink(timeout));
      });
      this.#waiters.add(waiter);
      if (this.#closed) this.close();
      else this.need();
    });
  }

  #noLink(timeout: number): DserviceError {
    const cause = this.degraded;
    if (cause !== undefined) {
      return new DserviceError('ERR_CONNECT', cause.message, { cause, mayHaveRun: false });
    }
    const text = `the rendezvous ${this.#options.url} did not answer within ${timeout} ms`;
    return new DserviceError('ERR_TIMEOUT', text, { mayHaveRun: false });
  }

  async #try(): Promise<void> {
    this.#trying = 'connecting';
    const slow = (): void => {
      // Else the reason that is known says more.
      if (this.degraded === undefined) this.#unreached(`no answer within ${times.slow} ms`);
    };
    this.#stopSlow = this.#clock.after(times.slow, slow, true);
    let channel: Channel;
    try {
      channel = await this.#connect();
    } catch (error) {
      return this.#failed(error);
    }
    if (this.#closed) return channel.destroy();
    const { clock, scope, limits, decodeText, logger, auth } = this.#options;
    const link: Link = new Link({
      ...{ channel, clock, scope, limits, decodeText, logger, auth },
      onReady: () => this.#ready(link),
      onBye: () => this.#bye(link),
      onEnd: (error) => this.#ended(link, error),
    });
    this.#trying = link;
    link.start();
  }

  /** A channel, in time; one that comes later is not kept. */
  #connect(): Promise<Channel> {
    return new Promise((resolve, reject) => {
      let late = false;
      const stopTimer = this.#clock.after(
        times.connect,
        () => {
          late = true;
          reject(new DserviceError('ERR_TIMEOUT', `no connection within ${times.connect} ms`));
        },
        true,
      );
      this.#options.connect().then(
        (channel) => {
          stopTimer();
          if (late) channel.destroy();
          else resolve(channel);
        },
        (error: unknown) => {
          stopTimer();
          reject(error instanceof Error ? error : new Error(messageOf(error)));
        },
      );
    });
  }

  #ready(link: Link): void {
    // Told again when the api of the rendezvous changes.
    if (this.#trying !== link) return;
    this.#tried();
    this.#link = link;
    // Who lets in and throws out at once is not asked without a pause.
    this.#stopTimer = this.#clock.after(
      times.settled,
      () => {
        this.#stopTimer = undefined;
        this.#failures = 0;
      },
      true,
    );
    this.#degrade(undefined);
    for (const { ready } of this.#waiters) ready(link);
    this.#waiters.clear();
    this.#options.onLink(link);
  }

  #bye(link: Link): void {
    if (this.#link !== link) return;
    this.#retired.add(link);
    // One that asks everybody to leave as soon as they are there is not hurried back to.
    const settled = this.#stopTimer === undefined;
    this.#drop();
    link.retire();
    this.#options.onLost();
    this.#later(this.#clock.random() * (settled ? times.haste : this.#pause()));
  }

  #ended(link: Link, error: DserviceError | undefined): void {
    this.#retired.delete(link);
    if (this.#trying === link) return this.#failed(error ?? 'it ended the connection');
    if (this.#link !== link) return;
    this.#drop();
    this.#options.onLost();
    this.#failed(error ?? 'it ended the connection');
  }

  #drop(): void {
    this.#link = undefined;
    this.#stopTimer?.();
    this.#stopTimer = undefined;
  }

  #failed(cause: unknown): void {
    this.#tried();
    if (this.#closed) return;
    this.#unreached(cause);
    this.#later(this.#clock.random() * this.#pause());
  }

  /** An attempt is over. */
  #tried(): void {
    this.#trying = undefined;
    this.#stopSlow?.();
  }

  #unreached(cause: unknown): void {
    const text = `the rendezvous ${this.#options.url} cannot be reached: ${messageOf(cause)}`;
    this.#degrade(new DserviceError('ERR_DISCOVERY', text, { cause }));
  }

  /** Milliseconds, at most, until the next attempt: twice as long each time. */
  #pause(): number {
    return Math.min(times.longest, times.first * 2 ** this.#failures++);
  }

  #later(pause: number): void {
    if (!this.#options.wanted() && this.#waiters.size === 0) return;
    this.#stopTimer = this.#clock.after(
      pause,
      () => {
        this.#stopTimer = undefined;
        this.need();
      },
      true,
    );
  }

  #degrade(reason: DserviceError | undefined): void {
    if (this.degraded?.message === reason?.message) return;
    this.degraded = reason;
    this.#options.onDegraded(reason);
  }

  /** Ends every link, and who waits for one. */
  close(): void {
    this.#closed = true;
    this.#stopTimer?.();
    this.#stopTimer = undefined;
    const error = new DserviceError('ERR_CONNECT', 'this discovery was closed', {
      mayHaveRun: false,
    });
    for (const { fail } of this.#waiters) fail(error);
    this.#waiters.clear();
    const trying = this.#trying instanceof Link ? [this.#trying] : [];
    const links = this.#link === undefined ? trying : [this.#link, ...trying];
    this.#link = undefined;
    this.#tried();
    for (const link of [...links, ...this.#retired]) link.close();
  }
}
