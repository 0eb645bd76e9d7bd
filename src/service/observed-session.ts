import type { DserviceError } from '../errors.js';
import type { InstanceRecord } from '../discovery/record.js';
import type {
  Attributes,
  Observed,
  ObservedServing,
  ServeEvent,
  SessionObserver,
} from '../protocol/observer.js';
import type { CallOptions } from '../protocol/options.js';
import type { SessionHandle } from '../protocol/session-handle.js';
import { traceOf } from '../protocol/meta.js';
import type { TraceContext } from '../protocol/trace-context.js';
import { errorType, ofInstance, ofMethod, ofPeer } from './attributes.js';

import { ObservedCall } from './observed-call.js';
import type { ObservedEvents } from './observer.js';
import type { Observers } from './observers.js';

/** Who is at the two ends of a session. */
export interface SessionEnds {
  /** Whether this program dialled (`client`), or was dialled (`server`). */
  readonly side: 'client' | 'server';
  /** The name under which this program serves. */
  readonly self?: string | undefined;
  /** The instance that was dialled. */
  readonly instance?: InstanceRecord | undefined;
}

/** Watches one session, for all who want to know. */
export class ObservedSession implements SessionObserver {
  readonly #observers: Observers;
  readonly #session: SessionHandle;
  readonly #ends: SessionEnds;
  #open = false;
  /** Of the peer, as whom we call and as who calls us, until it moves. */
  #callee: Attributes | undefined;
  #caller: Attributes | undefined;

  constructor(observers: Observers, session: SessionHandle, ends: SessionEnds) {
    this.#observers = observers;
    this.#session = session;
    this.#ends = ends;
  }

  opened(): void {
    if (this.#open) return;
    this.#open = true;
    this.#tell('connection:open');
  }

  away(why: Error): void {
    this.#tell('connection:away', why);
  }

  moved(): void {
    this.#callee = undefined;
    this.#caller = undefined;
    this.#tell('connection:moved');
  }

  ended(error: DserviceError | undefined): void {
    // One that was never open has been told to whoever wanted it.
    if (this.#open) this.#tell('connection:close', error);
  }

  /** A call's server is who serves it, whichever side dialled. */
  get #ofCallee(): Attributes {
    const { instance } = this.#ends;
    return (this.#callee ??= {
      ...ofPeer(this.#session.peer, 'server'),
      ...(instance === undefined ? {} : ofInstance(instance)),
    });
  }

  get #ofCaller(): Attributes {
    return (this.#caller ??= ofPeer(this.#session.peer, 'client'));
  }

  #tell(name: keyof ObservedEvents & `connection:${string}`, why?: unknown): void {
    if (!this.#observers.wants(name)) return;
    const { side, self } = this.#ends;
    const own: Attributes = self === undefined ? {} : { 'dservice.service.name': self };
    const ends = side === 'client' ? this.#ofCallee : { ...own, ...this.#ofCaller };
    this.#observers.tell(name, {
      side,
      attributes: why === undefined ? { ...ends } : { ...ends, 'error.type': errorType(why) },
      peer: this.#session.peer,
      error: why,
    });
  }

  call(method: string, given: CallOptions | undefined): Observed | undefined {
    const made = given?.observed;
    if (made instanceof ObservedCall) return made.attempt(this.#ofCallee);
    if (!this.#observers.wantsCalls) return undefined;
    const call = new ObservedCall(this.#observers, this.#ends.instance?.name, method, given);
    call.attempt(this.#ofCallee);
    return call.begin();
  }

  serve(method: string, trace: Partial<TraceContext>): ObservedServing | undefined {
    if (!this.#observers.wantsServing) return undefined;
    const attributes = { ...ofMethod(this.#ends.self, method), ...this.#ofCaller };
    return new Serving(this.#observers, {
      ...{ service: this.#ends.self, method, attributes },
      ...{ trace: traceOf(trace), duration: undefined, error: undefined },
    });
  }
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

class Serving implements ObservedServing {
  readonly #observers: Observers;
  readonly #event: Mutable<ServeEvent>;
  readonly #started: number;

  constructor(observers: Observers, event: Mutable<ServeEvent>) {
    this.#observers = observers;
    this.#event = event;
    this.#started = observers.clock.now();
  }

  run(handler: () => void): void {
    this.#observers.tell('serve:start', this.#event);
    this.#observers.around(this.#event, handler);
  }

  end(failed: boolean, error: unknown): void {
    this.#event.duration = this.#observers.clock.now() - this.#started;
    if (failed) {
      this.#event.error = error;
      this.#event.attributes['error.type'] = errorType(error);
    }
    this.#observers.tell('serve:end', this.#event);
  }
}
