import type { About, InstanceRecord, Service, ServiceConnection, SessionHandle } from 'dservice';
import { type Way, wayOf, ways } from './way.js';

/** Milliseconds. */
const times = { wait: 5_000, firstRetry: 1_000, longestRetry: 30_000 };

/** Round trips that are remembered. */
export const mostRoundTrips = 40;

/** What happened to a peer, for the log. */
export type PeerNews =
  'connected' | 'moved' | 'away' | 'lost' | 'failed' | 'methods' | 'ping' | 'record' | 'gone';

export interface PeerOptions {
  readonly caller: Service<object>;
  /** It is this tab. */
  readonly self: boolean;
  onNews(news: PeerNews): void;
}

/** An instance on the air, and this tab's connection to it. */
export class Peer {
  record: InstanceRecord;
  readonly self: boolean;
  readonly #options: PeerOptions;
  #state: 'unused' | 'connecting' | 'connected' | 'failed' | 'gone' = 'unused';
  #connection: ServiceConnection | undefined;
  /** Why it could not be reached, the last time. */
  why: string | undefined;
  readonly roundTrips: number[] = [];
  #kind: 'page' | 'program' | undefined;
  #failures = 0;
  #retry: ReturnType<typeof setTimeout> | undefined;

  constructor(record: InstanceRecord, options: PeerOptions) {
    this.record = record;
    this.self = options.self;
    this.#options = options;
  }

  /** Its api, while this tab is connected to it. */
  /** What it says of its methods. */
  get about(): About {
    return this.#session?.about ?? new Map();
  }

  get remote(): object | undefined {
    return this.#session?.remote;
  }

  get #session(): SessionHandle | undefined {
    return this.#connection?.session;
  }

  get gone(): boolean {
    return this.#state === 'gone';
  }

  get wanted(): boolean {
    return this.#state !== 'unused';
  }

  get way(): Way {
    if (this.gone) return ways.gone;
    if (this.#session !== undefined) {
      return this.#session.away ? ways.away : wayOf(this.#session.peer.transport);
    }
    if (this.record.state !== 'up') return ways.notUp;
    if (this.#state === 'unused') return ways.unused;
    return this.#state === 'failed' ? ways.failed : ways.connecting;
  }

  /** Where it runs, as far as its connection has told: what runs in a page has an origin. */
  get kind(): 'page' | 'program' | undefined {
    return this.self ? 'page' : this.#kind;
  }

  /** Connects, now and whenever the connection is lost, until it is gone. */
  connect(): void {
    if (this.#state === 'connecting' || this.#state === 'connected' || this.gone) return;
    this.#state = 'connecting';
    clearTimeout(this.#retry);
    if (this.record.state !== 'up') return;
    const { id, name } = this.record;
    this.#options.caller.dnodeFor(name, { instance: id, wait: times.wait }, (error, _, d) => {
      if (error === null) this.#keep(d);
      else this.#failed(error.message);
    });
  }

  #keep(d: ServiceConnection): void {
    if (this.gone) return d.end();
    const { session } = d;
    this.#connection = d;
    this.#state = 'connected';
    this.#kind = session.peer.origin === undefined ? 'program' : 'page';
    this.#failures = 0;
    this.why = undefined;
    session.on('moved', () => this.#tell('moved'));
    session.on('away', () => {
      this.roundTrips.length = 0;
      this.#tell('away');
    });
    session.on('remote', () => this.#tell('methods'));
    session.on('end', (error) => this.#ended(d, error?.message));
    this.#tell('connected');
    void this.ping();
  }

  #ended(d: ServiceConnection, why: string | undefined): void {
    if (this.#connection !== d) return;
    this.#connection = undefined;
    this.roundTrips.length = 0;
    if (this.gone) return;
    this.#state = 'failed';
    this.why = why;
    this.#tell('lost');
    this.#later();
  }

  #failed(why: string): void {
    if (this.gone) return;
    this.#state = 'failed';
    this.why = why;
    this.#tell('failed');
    this.#later();
  }

  #later(): void {
    const pause = Math.min(times.longestRetry, times.firstRetry * 2 ** this.#failures++);
    this.#retry = setTimeout(() => this.connect(), pause);
  }

  /** Another word of it was heard. */
  renew(record: InstanceRecord): void {
    const came = this.record.state !== 'up' && record.state === 'up';
    this.record = record;
    if (came && this.wanted && this.#session === undefined) {
      this.#state = 'failed';
      this.connect();
    }
    this.#tell('record');
  }

  /** Measures the round trip. */
  async ping(): Promise<void> {
    const session = this.#session;
    if (session === undefined || session.away || this.self) return;
    const ms = await session.ping();
    if (ms === undefined || session !== this.#session) return;
    this.roundTrips.push(ms);
    if (this.roundTrips.length > mostRoundTrips) this.roundTrips.shift();
    this.#tell('ping');
  }

  get roundTrip(): number | undefined {
    return this.roundTrips.at(-1);
  }

  /** It has left. */
  leave(): void {
    clearTimeout(this.#retry);
    this.#state = 'gone';
    this.#connection?.end();
    this.#tell('gone');
  }

  #tell(news: PeerNews): void {
    this.#options.onNews(news);
  }
}
