import type { Clock } from '../clock.js';

export interface HeartbeatTimes {
  /** With calls out and nothing read for this long, a ping leaves; as long again, and the peer is suspect. */
  readonly busy: number;
  /** An idle session pings so often, and ends after some that were missed: two, unless it says otherwise. */
  readonly idle: number;
  readonly misses?: number;
}

export const heartbeatTimes: HeartbeatTimes = { busy: 1_000, idle: 15_000 };

/** Of a direct data channel, whose end is slow to show. */
export const directTimes: HeartbeatTimes = { busy: 1_000, idle: 2_000, misses: 1 };

/** Whose heartbeat it is: the session. */
export interface HeartbeatHost {
  /** Calls whose outcome is not in. */
  readonly outstanding: number;
  sendPing(n: number): void;
  /** The peer is slow to show life, or shows it again. */
  onSuspect(suspect: boolean): void;
  /** Two pings of an idle session were missed. */
  onDead(): void;
}

/** Watches over the life of the peer (protocol page, section 4). Any byte is life. */
export class Heartbeat {
  readonly #clock: Clock;
  readonly #times: HeartbeatTimes;
  readonly #host: HeartbeatHost;
  /** Called at every read: it must cost nothing. */
  heard = false;
  suspect = false;
  #busySince: number | undefined;
  #quietSince: number;
  #missed = 0;
  #signed: number;
  #cancelBusy: (() => void) | undefined;
  #cancelIdle: (() => void) | undefined;
  /** Pings whose answer somebody waits for, and when they left. */
  #measured: Map<number, { since: number; done: (ms: number | undefined) => void }> | undefined;
  #lastPing = 0;

  constructor(clock: Clock, times: HeartbeatTimes, host: HeartbeatHost) {
    this.#clock = clock;
    this.#times = times;
    this.#host = host;
    this.#quietSince = this.#signed = clock.now();
    this.#idle();
  }

  /** A call left. Costs nothing while the watch is on. */
  busy(): void {
    if (this.#cancelBusy !== undefined) return;
    this.#busySince = this.#clock.now();
    this.#watch();
  }

  /** Something long is being read: whoever sends it hears no answer before its end, and may hear nothing else of us. */
  sign(): void {
    const now = this.#clock.now();
    if (now - this.#signed < this.#times.idle / 2) return;
    this.#signed = now;
    this.#host.sendPing(0);
  }

  /** Pings, and resolves with the milliseconds that the answer took; undefined where none will come. */
  measure(): Promise<number | undefined> {
    return new Promise((done) => {
      const n = ++this.#lastPing;
      (this.#measured ??= new Map()).set(n, { since: this.#clock.now(), done });
      this.#host.sendPing(n);
    });
  }

  pong(n: unknown): void {
    const ping = typeof n === 'number' ? this.#measured?.get(n) : undefined;
    if (typeof n !== 'number' || ping === undefined) return;
    this.#measured?.delete(n);
    ping.done(this.#clock.now() - ping.since);
  }

  stop(): void {
    this.#cancelBusy?.();
    this.#cancelIdle?.();
    for (const { done } of this.#measured?.values() ?? []) done(undefined);
    this.#measured = undefined;
  }

  #watch(): void {
    this.#cancelBusy = this.#clock.after(
      this.#times.busy,
      () => {
        this.#cancelBusy = undefined;
        if (this.#listen() || this.#host.outstanding === 0) {
          this.#busySince = undefined;
          // Go on while calls go on, so that each of them need not arm it.
          if (this.#host.outstanding > 0) this.busy();
          return;
        }
        const waited = this.#clock.now() - (this.#busySince ?? 0);
        if (waited >= 2 * this.#times.busy && !this.suspect) this.#mark(true);
        this.#host.sendPing(0);
        this.#watch();
      },
      true,
    );
  }

  #idle(): void {
    this.#cancelIdle = this.#clock.after(
      this.#times.idle,
      () => {
        if (this.#listen() || this.#clock.now() - this.#quietSince < this.#times.idle)
          this.#missed = 0;
        else if (++this.#missed > (this.#times.misses ?? 2)) return this.#host.onDead();
        else this.#host.sendPing(0);
        this.#idle();
      },
      true,
    );
  }

  /** Whether anything was read since it was last asked. */
  #listen(): boolean {
    if (!this.heard) return false;
    this.heard = false;
    this.#missed = 0;
    this.#quietSince = this.#clock.now();
    if (this.suspect) this.#mark(false);
    return true;
  }

  #mark(suspect: boolean): void {
    this.suspect = suspect;
    this.#host.onSuspect(suspect);
  }
}
