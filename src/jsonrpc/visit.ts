import { Emitter } from '../emitter.js';
import { DserviceError } from '../errors.js';
import type { About } from '../protocol/about.js';
import { rejected } from '../protocol/calls.js';
import type { ServedCall } from '../protocol/context.js';
import type { SessionObserver } from '../protocol/observer.js';
import {
  noTables,
  type Peer,
  type SessionEvents,
  type SessionHandle,
} from '../protocol/session-handle.js';

/** The caller of one request, as its handlers hold it: it can be answered, and has nothing to be called. */
export class Visit implements SessionHandle {
  readonly remote: Record<string, unknown> = {};
  readonly about: About = new Map();
  readonly peer: Peer;
  readonly ready = true;
  readonly extended = false;
  readonly suspect = false;
  readonly leaving = false;
  readonly away = false;
  readonly outstanding = 0;
  readonly #events = new Emitter<SessionEvents>();
  readonly #calls = new Set<ServedCall>();
  #over: DserviceError | undefined;

  /** Told of the calls that are served for it. */
  readonly observer: SessionObserver | undefined;

  constructor(peer: Peer, observe: ((session: SessionHandle) => SessionObserver) | undefined) {
    this.peer = peer;
    this.observer = observe?.(this);
  }

  get ended(): boolean {
    return this.#over !== undefined;
  }

  get tables() {
    return { ...noTables, serving: this.#calls.size };
  }

  /** A call that runs until it is told to be done. */
  add(call: ServedCall): void {
    if (this.#over !== undefined) call.abort(this.#over);
    else this.#calls.add(call);
  }

  done(call: ServedCall): void {
    this.#calls.delete(call);
    call.done();
  }

  /** Nobody waits for the outcomes any more: the signals of what still runs fire. */
  end(reason: DserviceError): void {
    if (this.#over !== undefined) return;
    this.#over = reason;
    for (const call of this.#calls) call.abort(reason);
    this.#calls.clear();
    this.#events.emit('end', reason);
  }

  on<K extends keyof SessionEvents>(
    event: K,
    listener: (...args: SessionEvents[K]) => void,
  ): () => void {
    return this.#events.on(event, listener);
  }

  call(name: string): Promise<unknown> {
    const text = 'who calls by JSON-RPC over HTTP has no methods of its own';
    return rejected(new DserviceError('ERR_METHOD', text, { method: name, mayHaveRun: false }));
  }

  ping(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  /** It is asked anew at each request. */
  announce(): void {}

  close(): void {
    this.end(new DserviceError('ERR_CLOSED', 'the session was closed on this side'));
  }

  drain(): Promise<void> {
    this.close();
    return Promise.resolve();
  }
}
