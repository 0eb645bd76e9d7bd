import type { Clock } from '../clock.js';
import type { InstanceRecord } from '../discovery/record.js';
import { DserviceError, type ErrorCode } from '../errors.js';
import { messageOf } from '../protocol/encode.js';
import type { EngineSession as Session } from './engine.js';
import type { Candidate } from './pick.js';
import { Standing } from './standing.js';

export interface ConnectionOptions {
  readonly clock: Clock;
  /** Opens a session at one endpoint. `others`: all that may be used by now. Rejects with why it could not. */
  open(endpoint: string, others: () => readonly string[]): Promise<Session>;
  /** The endpoints of a record that this caller may use, best first. */
  usable(record: InstanceRecord): readonly string[];
  /** Milliseconds after which a connection that nobody uses is closed. */
  readonly idle: number;
  /** Told when its session has ended, is away, or is back. */
  onChange(connection: Connection): void;
}

/** ms that opening may take before others are better: a machine that is gone does not refuse, it says nothing. */
export const patience = 250;

/** For so many ms after it could not be reached, an instance is not probed again. */
const rest = 5_000;

/** Why an instance cannot be reached that is not the network's fault, and is told as it is. */
const refusals = new Set<ErrorCode>(['ERR_AUTH', 'ERR_OPTION']);

/** The one connection to an instance: shared, opened on demand, closed when it was idle for long. */
export class Connection implements Candidate {
  record: InstanceRecord;
  readonly standing = new Standing();
  /** When the way to it was found again last: ms of the clock. */
  steadySince = 0;
  readonly #options: ConnectionOptions;
  #session: Session | undefined;
  #opening: Promise<Session> | undefined;
  /** When it began to open. */
  #openedAt = 0;
  #failedAt: number | undefined;
  /** Calls that are out, and those that wait for the session. */
  #calls = 0;
  #waiting = 0;
  #users = 0;
  /** Counts up at each use, so that the idle timer need not be set anew for each. */
  #uses = 0;
  /** Calls of service remotes go over it too. */
  #shared = false;
  #over = false;
  /** Functions of the peer's that its api alone accounts for. */
  #apiSize = 0;
  #stopIdle: (() => void) | undefined;

  constructor(record: InstanceRecord, options: ConnectionOptions) {
    this.record = record;
    this.#options = options;
  }

  get outstanding(): number {
    return this.#calls + this.#waiting;
  }

  get latency(): number | undefined {
    return this.standing.fadedLatency(this.#options.clock.now());
  }

  /** The session, where it is open and the peer does not leave. */
  get session(): Session | undefined {
    const session = this.#session;
    return session === undefined || session.ended || session.leaving ? undefined : session;
  }

  /** The peer has said that it will leave: what it was asked is served, and it wants no more. */
  get leaving(): boolean {
    const session = this.#session;
    return session !== undefined && !session.ended && session.leaving;
  }

  /** There is a session, or there will be. */
  get alive(): boolean {
    return this.#opening !== undefined || this.#session?.ended === false;
  }

  get suspect(): boolean {
    const { session } = this;
    if (session === undefined) return this.#failedAt !== undefined || this.#isSlow;
    return session.suspect || session.away;
  }

  get #isSlow(): boolean {
    return this.#opening !== undefined && this.#options.clock.now() - this.#openedAt >= patience;
  }

  /** Another word of the instance: where it could not be reached, that may have changed. */
  renew(record: InstanceRecord): void {
    if (record === this.record) return;
    this.record = record;
    this.#failedAt = undefined;
  }

  /** Tries now and again whether an instance can be reached again, so that no call has to find out. */
  probe(): void {
    if (this.#failedAt === undefined || this.#opening !== undefined) return;
    if (this.#options.clock.now() - this.#failedAt < rest) return;
    this.open().catch(() => {});
  }

  /** The session, opened if need be. Rejects with ERR_CONNECT and what each endpoint said; ERR_AUTH, ERR_OPTION. */
  async open(): Promise<Session> {
    const { session } = this;
    if (session !== undefined) return session;
    this.#waiting++;
    try {
      if (this.#opening === undefined) {
        this.#openedAt = this.#options.clock.now();
        this.#opening = this.#connect().finally(() => (this.#opening = undefined));
      }
      return await this.#opening;
    } finally {
      this.#waiting--;
    }
  }

  async #connect(): Promise<Session> {
    const failures: string[] = [];
    let cause: unknown;
    for (const endpoint of this.#options.usable(this.record)) {
      try {
        const others = (): readonly string[] => this.#options.usable(this.record);
        const session = await this.#options.open(endpoint, others);
        this.#check(session);
        this.#keep(session);
        return session;
      } catch (error) {
        cause = error;
        failures.push(`${endpoint}: ${messageOf(error)}`);
        if (this.#over) break;
      }
    }
    this.#failedAt = this.#options.clock.now();
    const { name, version, id } = this.record;
    const why = failures.join('; ') || 'it has no endpoint within reach';
    const text = `${name}@${version} (${id}) cannot be reached: ${why}`;
    const code = DserviceError.is(cause) && refusals.has(cause.code) ? cause.code : 'ERR_CONNECT';
    throw new DserviceError(code, text, { cause, mayHaveRun: false });
  }

  /** Throws where somebody else answers than the record says: it is a hint, and may be old, or a lie. */
  #check(session: Session): void {
    const service = session.hello?.service;
    const { name, version, id, assumed = false } = this.record;
    // A plain dnode peer, or an api without a name, does not say.
    if (service === undefined) return;
    const isIt = service.id === id || assumed;
    const isVersion = service.version === version || (assumed && version === '0.0.0');
    if (service.name === name && isVersion && isIt) return;
    session.close();
    const who = `${service.name}@${service.version} (${service.id})`;
    throw new DserviceError('ERR_CONNECT', `${who} answers there`);
  }

  /** Throws where the session is of no use any more. */
  #keep(session: Session): void {
    if (this.#over) {
      session.close();
      throw new DserviceError('ERR_CLOSED', 'this caller was stopped');
    }
    if (session.ended || session.leaving) {
      session.close();
      throw new DserviceError('ERR_CONNECT', 'it is leaving');
    }
    this.#failedAt = undefined;
    this.#session = session;
    this.#apiSize = session.tables.references;
    const changed = (): void => this.#options.onChange(this);
    session.on('end', changed);
    session.on('away', () => {
      this.steadySince = Infinity;
      changed();
    });
    session.on('moved', () => {
      if (this.steadySince === Infinity) this.steadySince = this.#options.clock.now();
      changed();
    });
    this.#settle();
  }

  /** Somebody has this very instance's remote, until the returned function is called. */
  use(): () => void {
    this.#users++;
    this.#uses++;
    this.#settle();
    let done = false;
    return () => {
      if (done) return;
      done = true;
      this.#users--;
      this.#letGo();
    };
  }

  /** A service's remote will call: it stays open for a while when nobody else uses it. */
  share(): void {
    this.#shared = true;
  }

  /** No service's remote uses it any more. */
  unshare(): void {
    this.#shared = false;
    this.#letGo();
  }

  #letGo(): void {
    if (this.#users === 0 && this.#calls === 0 && !this.#shared) this.close();
    else this.#settle();
  }

  /** A call of a service's remote is on its way. */
  begin(): void {
    this.#uses++;
    this.#shared = true;
    if (this.#calls++ === 0 && this.#users === 0) this.#settle();
  }

  end(): void {
    if (--this.#calls === 0 && this.#users === 0) this.#letGo();
  }

  // A connection keeps the process alive while somebody waits for it, and no longer.
  #settle(): void {
    const session = this.#session;
    if (session === undefined || session.ended) return;
    const busy = this.#calls > 0 || this.#users > 0;
    session.hold(busy);
    if (busy || this.#stopIdle !== undefined) return;
    const before = this.#uses;
    this.#stopIdle = this.#options.clock.after(
      this.#options.idle,
      () => this.#retire(before),
      true,
    );
  }

  #retire(before: number): void {
    this.#stopIdle = undefined;
    const tables = this.#session?.tables;
    if (tables === undefined || this.#calls > 0 || this.#users > 0) return;
    // A callback or an object by reference, on either side, is still of use.
    const held = tables.local > 0 || tables.references > this.#apiSize;
    if (held || this.#uses !== before) this.#settle();
    else this.close();
  }

  /** Ends the connection; the next `open` makes another. */
  close(): void {
    this.#stopIdle?.();
    this.#stopIdle = undefined;
    this.#session?.close();
    this.#session = undefined;
  }

  /** Ends the connection for good, one that is being opened too. */
  abandon(): void {
    this.#over = true;
    this.close();
  }
}
