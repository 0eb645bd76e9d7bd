import type { Clock } from '../clock.js';

/** Who leaves: the session. */
export interface FarewellHost {
  /** Whether the peer can be asked to leave. */
  readonly canLeave: boolean;
  sayBye(): void;
  /** Calls of ours whose outcome is not in. */
  readonly outstanding: number;
  /** Handlers that run for the peer, and streams that go on. */
  readonly busy: number;
  /** Ends the session, in good order. */
  leave(): void;
}

/** How it is over one request: bye is said in other ways, and who was asked for no more ends by itself when nothing runs. */
export interface FarewellOnce {
  readonly alone?: boolean;
  sayBye(): void;
  /** Handlers that run for the peer. */
  readonly serving?: () => number;
}

/** Milliseconds that a session which drains waits for a peer that is away. */
const awayTime = 2_000;

/** How a session ends without failing anybody (protocol page, `bye`; services page, drain). */
export class Farewell {
  readonly #clock: Clock;
  readonly #host: FarewellHost;
  #once: FarewellOnce | undefined;
  /** The peer has said that it will leave. */
  heard = false;
  #said = false;
  #over = false;
  #draining: { promise: Promise<void>; done: () => void } | undefined;

  constructor(clock: Clock, host: FarewellHost) {
    this.#clock = clock;
    this.#host = host;
  }

  /** Over one request, bye is said in other ways. */
  adapt(once: FarewellOnce): void {
    this.#once = once;
  }

  /** The peer cannot be asked to leave. */
  get #plain(): boolean {
    return this.#once === undefined && !this.#host.canLeave;
  }

  /** The peer says bye. */
  onBye(): void {
    this.heard = true;
    this.settled();
    this.served();
  }

  /** A call of ours has its outcome: who was asked to call no more answers when the last one is in. */
  settled(): void {
    if (this.heard && this.#host.outstanding === 0) this.#say();
  }

  /** A handler has ended. */
  served(quiet = false): void {
    const serving = this.#once?.serving?.() ?? this.#host.busy;
    if (serving > 0 || !(this.heard || quiet)) return;
    if (this.#draining !== undefined) this.#draining.done();
    else if (this.#once?.alone === true && !this.#over) this.#host.leave();
  }

  /** Asks the peer to call no more, and closes when it has nothing out and nothing runs, or after `time` ms. */
  drain(time: number, away: boolean): Promise<void> {
    if (this.#draining !== undefined) return this.#draining.promise;
    // Who is away may be gone for good: it is given the time of a short interruption.
    if (away) time = Math.min(time, awayTime);
    let done = (): void => {};
    const drained = new Promise<void>((resolve) => (done = resolve));
    const cancelTimer = this.#clock.after(time, done);
    const promise = drained.then(() => {
      cancelTimer();
      this.#host.leave();
    });
    this.#draining = { promise, done };
    if (this.#plain) this.#waitForQuiet(Math.min(1_000, time));
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
    this.#clock.after(
      time,
      () => {
        if (this.#over || !this.#plain) return;
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
    (this.#once ?? this.#host).sayBye();
  }
}
