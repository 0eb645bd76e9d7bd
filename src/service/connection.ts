import type { Clock } from '../clock.js';
import type { InstanceRecord } from '../discovery/record.js';
import { DserviceError } from '../errors.js';
import { messageOf } from '../protocol/encode.js';
import type { Session } from '../protocol/session.js';
import type { Candidate } from './pick.js';

export interface ConnectionOptions {
  readonly clock: Clock;
  /** Opens a session at one endpoint. Rejects with why it could not. */
  open(endpoint: string): Promise<Session>;
  /** The endpoints of a record that this caller may use, best first. */
  usable(record: InstanceRecord): readonly string[];
  /** Milliseconds after which a connection that nobody uses is closed. */
  readonly idle: number;
}

/** For so many ms after it could not be reached, an instance is tried last. */
const rest = 5_000;

/** The one connection to an instance: shared, opened on demand, closed when it was idle for long. */
export class Connection implements Candidate {
  record: InstanceRecord;
  outstanding = 0;
  readonly #options: ConnectionOptions;
  #session: Session | undefined;
  #opening: Promise<Session> | undefined;
  #failedAt: number | undefined;
  #users = 0;
  /** Calls of service remotes go over it too. */
  #shared = false;
  /** Functions of the peer's that its api alone accounts for. */
  #apiSize = 0;
  #stopIdle: (() => void) | undefined;

  constructor(record: InstanceRecord, options: ConnectionOptions) {
    this.record = record;
    this.#options = options;
  }

  /** The session, where it is open and the peer does not leave. */
  get session(): Session | undefined {
    const session = this.#session;
    return session === undefined || session.ended || session.leaving ? undefined : session;
  }

  get suspect(): boolean {
    if (this.session !== undefined) return this.session.suspect;
    return this.#failedAt !== undefined && this.#options.clock.now() - this.#failedAt < rest;
  }

  /** The session, opened if need be. Rejects with ERR_CONNECT and what each endpoint said. */
  async open(): Promise<Session> {
    const { session } = this;
    if (session !== undefined) return session;
    return await (this.#opening ??= this.#connect().finally(() => (this.#opening = undefined)));
  }

  async #connect(): Promise<Session> {
    const endpoints = this.#options.usable(this.record);
    const failures: string[] = [];
    let cause: unknown;
    for (const endpoint of endpoints) {
      try {
        const session = await this.#options.open(endpoint);
        this.#failedAt = undefined;
        this.#session = session;
        this.#apiSize = session.tables.references;
        this.#settle();
        return session;
      } catch (error) {
        cause = error;
        failures.push(`${endpoint}: ${messageOf(error)}`);
      }
    }
    this.#failedAt = this.#options.clock.now();
    const { name, version, id } = this.record;
    const why = failures.join('; ') || 'it has no endpoint within reach';
    const text = `${name}@${version} (${id}) cannot be reached: ${why}`;
    throw new DserviceError('ERR_CONNECT', text, { cause, mayHaveRun: false });
  }

  /** Somebody has this very instance's remote, until the returned function is called. */
  use(): () => void {
    this.#users++;
    this.#settle();
    let done = false;
    return () => {
      if (done) return;
      done = true;
      this.#users--;
      if (this.#users === 0 && !this.#shared) this.close();
      else this.#settle();
    };
  }

  /** A service's remote uses it, now and again: it stays open for a while when nobody else does. */
  share(): void {
    this.#shared = true;
  }

  /** A call of a service's remote is on its way. */
  begin(): void {
    this.share();
    if (this.outstanding++ === 0 && this.#users === 0) this.#settle();
  }

  end(): void {
    if (--this.outstanding === 0 && this.#users === 0) this.#settle();
  }

  // A connection keeps the process alive while somebody waits for it, and no longer.
  #settle(): void {
    const busy = this.outstanding > 0 || this.#users > 0;
    this.#session?.hold(busy);
    if (busy) {
      this.#stopIdle?.();
      this.#stopIdle = undefined;
    } else if (this.#session !== undefined) {
      this.#stopIdle ??= this.#options.clock.after(this.#options.idle, () => this.#retire(), true);
    }
  }

  #retire(): void {
    this.#stopIdle = undefined;
    const tables = this.#session?.tables;
    // A callback or an object by reference, on either side, is still of use.
    if (tables !== undefined && (tables.local > 0 || tables.references > this.#apiSize))
      this.#settle();
    else this.close();
  }

  /** Ends the connection; the next `open` makes another. */
  close(): void {
    this.#stopIdle?.();
    this.#stopIdle = undefined;
    this.#session?.close();
    this.#session = undefined;
  }
}
