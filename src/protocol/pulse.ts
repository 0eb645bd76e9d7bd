import type { Clock } from '../clock.js';
import {
  directTimes,
  Heartbeat,
  type HeartbeatHost,
  type HeartbeatTimes,
  heartbeatTimes,
} from './heartbeat.js';

export interface PulseOptions {
  readonly clock: Clock;
  /** Other times than the channel's own. */
  readonly heartbeat?: HeartbeatTimes | undefined;
}

/** The heartbeat of a session: begins when the peer is known to answer, and anew with each channel. */
export class Pulse {
  readonly #options: PulseOptions;
  readonly #host: HeartbeatHost;
  #heartbeat: Heartbeat | undefined;

  constructor(options: PulseOptions, host: HeartbeatHost) {
    this.#options = options;
    this.#host = host;
  }

  get suspect(): boolean {
    return this.#heartbeat?.suspect ?? false;
  }

  /** Watches, as often as that transport asks for. */
  start(transport: string): void {
    this.stop();
    const { clock, heartbeat } = this.#options;
    if (this.suspect) this.#host.onSuspect(false);
    const usual = transport === 'webrtc' ? directTimes : heartbeatTimes;
    this.#heartbeat = new Heartbeat(clock, heartbeat ?? usual, this.#host);
    // Of a session that goes on over another channel.
    if (this.#host.outstanding > 0) this.#heartbeat.busy();
  }

  /** Something was read, of a message that is `long` or of others. Called at every read: it must cost nothing. */
  heard(long: boolean): void {
    if (this.#heartbeat === undefined) return;
    this.#heartbeat.heard = true;
    if (long) this.#heartbeat.sign();
  }

  /** A call left. */
  busy(): void {
    this.#heartbeat?.busy();
  }

  /** Milliseconds to the peer and back; undefined where it does not answer. */
  async measure(): Promise<number | undefined> {
    return await this.#heartbeat?.measure();
  }

  pong(n: unknown): void {
    this.#heartbeat?.pong(n);
  }

  stop(): void {
    this.#heartbeat?.stop();
  }
}
