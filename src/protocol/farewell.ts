import type { Clock } from '../clock.js';

export interface FarewellOptions {
  readonly clock: Clock;
  /** Who was asked for no more ends by itself when nothing runs. */
  readonly alone?: boolean;
  /** Whether the peer can be asked to leave. */
  plain(): boolean;
  sayBye(): void;
  /** Calls of ours whose outcome is not in. */
  outstanding(): number;
  /** Handlers that run for the peer. */
  serving(): number;
  close(): void;
}

/** Milliseconds that a session which drains waits for a peer that is away. */
const awayTime = 2_000;

/** How a session ends without failing anybody (protocol page, `bye`; services page, drain). */
export class Farewell {
  #options: FarewellOptions;
  /** The peer has said that it will leave. */
  heard = false;
  #said = false;
  #over = false;
  #draining: { promise: Promise<void>; done: () => void } | undefined;

  constructor(options: FarewellOptions) {
    this.#options = options;
  }

  /** Over one request, bye is said in other ways. */
  adapt(options: Partial<FarewellOptions>): void {
    this.#options = { ...this.#options, ...options };
  }

  /** The peer says bye. */
  onBye(): void {
    this.heard = true;
    this.settled();
    this.served();
  }

  /** A call of ours has its outcome: who was asked to call no more answers when the last one is in. */
  settled(): void {
    if (this.heard && this.#options.outstanding() === 0) this.#say();
  }

  /** A handler has ended. */
  served(quiet = false): void {
    if (this.#options.serving() > 0 || !(this.heard || quiet)) return;
    if (this.#draining !== undefined) this.#draining.done();
    else if (this.#options.alone === true && !this.#over) this.#options.close();
  }

  /** Asks the peer to call no more, and closes when it has nothing out and nothing runs, or after `time` ms. */
  drain(time: number, away: boolean): Promise<void> {
    if (this.#draining !== undefined) return this.#draining.promise;
    // Who is away may be gone for good: it is given the time of a short interruption.
    if (away) time = Math.min(time, awayTime);
    const { clock, close, plain } = this.#options;
    let done = (): void => {};
    const drained = new Promise<void>((resolve) => (done = resolve));
    const cancelTimer = clock.after(time, done);
    const promise = drained.then(() => {
      cancelTimer();
      close();
    });
    this.#draining = { promise, done };
    if (plain()) this.#waitForQuiet(Math.min(1_000, time));
    else this.#say();
    this.served();
    return promise;
  }

  /** The peer has said hello, and can be asked from now on. */
  greeted(): void {
    if (this.#draining !== undefined) this.#say();
  }

  /** A plain peer is left when nothing runs for it, looked at once a second. */
  #waitForQuiet(time: number): void {
    this.#options.clock.after(
      time,
      () => {
        if (this.#over || !this.#options.plain()) return;
        this.served(true);
        this.#waitForQuiet(time);
      },
      true,
    );
  }

  /** The session is over. */
  end(): void {
    this.#over = true;
    this.#draining?.done();
  }

  #say(): void {
    if (this.#said) return;
    this.#said = true;
    this.#options.sayBye();
  }
}
