import type { Clock } from '../../../src/clock.js';
import { faultOf } from './faults.js';
import type { Carrier } from './line.js';

/** A client of Redis, of a server or of a cluster. It rejects commands while there is no connection. */
export interface Client {
  connect(): Promise<unknown>;
  destroy(): void;
  on(event: string, listener: (value: unknown) => void): unknown;
  send(key: string, args: readonly string[]): Promise<unknown>;
}

/** ms between two clients, at least: nodes that say different things would have us run in a circle. */
const leastAge = 200;

/** The connection of one opened store for commands. While it is away, it is looked for. */
export class Connection implements Carrier {
  readonly #make: () => Client;
  readonly #clock: Clock;
  /** Rejects when what it sees is of no use to try again: a wrong password, say. */
  readonly hopeless: Promise<never>;
  #giveUp: (error: Error) => void = () => {};
  #client: Client;
  #since: number;
  #stopTimer: (() => void) | undefined;
  #ended = false;

  constructor(make: () => Client, clock: Clock) {
    this.#make = make;
    this.#clock = clock;
    this.hopeless = new Promise((_, reject) => (this.#giveUp = reject));
    // Who opens a store hears of it; later it goes on.
    this.hopeless.catch(() => {});
    this.#since = clock.now();
    this.#client = this.#connect();
  }

  send(key: string, args: readonly string[]): Promise<unknown> {
    return this.#client.send(key, args);
  }

  renew(): void {
    if (this.#ended || this.#stopTimer !== undefined) return;
    const left = leastAge - (this.#clock.now() - this.#since);
    this.#stopTimer = this.#clock.after(Math.max(0, left), () => {
      this.#stopTimer = undefined;
      const before = this.#client;
      this.#since = this.#clock.now();
      this.#client = this.#connect();
      destroy(before);
    });
  }

  end(): void {
    this.#ended = true;
    this.#stopTimer?.();
    destroy(this.#client);
  }

  #connect(): Client {
    const client = this.#make();
    client.on('error', (error) => this.#saw(error));
    client.connect().catch((error: unknown) => {
      this.#saw(error);
      // Of a cluster no node was there.
      if (client === this.#client) this.renew();
    });
    return client;
  }

  #saw(error: unknown): void {
    const fault = faultOf(error);
    if (fault.kind === 'final') this.#giveUp(fault.error);
  }
}

function destroy(client: Client): void {
  try {
    client.destroy();
  } catch {
    // It was not open any more.
  }
}
