import { DserviceError } from '../errors.js';
import { malformed, type Placement, type Types } from './decode.js';
import type { AnyFunction, StreamParts } from './encode.js';
import type { LocalFunctions } from './functions.js';
import { giveKeeper } from './keeper.js';
import { isRecord, type Message, readId } from './message.js';
import type { Reference } from './references.js';
import { standFor } from './remote-object.js';
import { RemoteSignal, remoteSignal } from './remote-signal.js';

/** The wire that they are of. */
export interface SignalsWire {
  readonly local: Pick<LocalFunctions, 'idOf'>;
  readonly references: { find(fn: AnyFunction): Reference | undefined };
  /** Whether the peer knows them as well. */
  agreed(feature: 'signal'): boolean;
  /** Arguments of a message, or the keys of one. Throws ERR_DATA, ERR_LIMIT. */
  encode(args: readonly unknown[]): string;
  decode(message: Message): unknown[];
  readonly calling: {
    /** Writes in order. */
    send(line: string): void;
  };
  /** Lets go of the functions in a message that nobody reads. */
  drop(message: Message): void;
}

/** A signal of ours that the peer has. */
interface Own {
  /** It is listened to no more. */
  stop(): void;
  /** The function that stands for it. */
  readonly fn: AnyFunction;
}

/** The AbortSignals of one session: those of ours that the peer has, and those of the peer's that are here. */
export class Signals {
  readonly #wire: SignalsWire;
  readonly #known = new WeakMap<AbortSignal, Own>();
  readonly #own = new Set<Own>();
  readonly #theirs = new Map<number, RemoteSignal>();
  /** Those that came with a call that has no outcome yet: its handler may hand them to what we cannot look into. */
  readonly #calls = new Map<number, RemoteSignal[]>();
  /** Who has forgotten a signal of ours cannot abort it. */
  readonly #forgotten = new FinalizationRegistry<Own>((own) => {
    own.stop();
    this.#tell(own, '');
  });

  constructor(wire: SignalsWire) {
    this.#wire = wire;
  }

  /** How many of ours are listened to for the peer. */
  get own(): number {
    return this.#own.size;
  }

  get size(): number {
    return this.#own.size + this.#theirs.size;
  }

  /** What stands for a signal of ours. */
  parts(signal: AbortSignal): StreamParts {
    const tagged = this.#wire.agreed('signal');
    const theirs = remoteSignal(signal);
    // What comes back is what it was.
    if (tagged && theirs !== undefined && this.#isHere(theirs)) return { parts: theirs.wait };
    if (signal.aborted)
      return { tagged, parts: { aborted: true, reason: signal.reason as unknown } };
    let own = this.#known.get(signal);
    if (own === undefined) this.#known.set(signal, (own = this.#follow(signal)));
    return { tagged, parts: { aborted: false, wait: own.fn } };
  }

  #isHere(theirs: RemoteSignal): boolean {
    const ref = this.#wire.references.find(theirs.wait);
    return ref !== undefined && this.#theirs.get(ref.id) === theirs;
  }

  #follow(signal: AbortSignal): Own {
    // The peer holds the function: neither that nor the listener may hold the signal.
    const weak = new WeakRef(signal);
    const waiting: ((reason: unknown) => void)[] = [];
    let over: { reason: unknown } | undefined;
    const wait = (tell: (reason: unknown) => void): void => {
      if (over === undefined) waiting.push(tell);
      else tell(over.reason);
    };
    const aborted = (): void => {
      const reason: unknown = weak.deref()?.reason;
      over = { reason };
      own.stop();
      if (this.#wire.agreed('signal')) this.#tell(own, `,"arguments":${this.#encode(reason)}`);
      for (const tell of waiting) tell(reason);
    };
    const fn = giveKeeper(() => new Promise((resolve) => wait(resolve)), {
      direct: (_args, answer) => wait((reason) => answer([null, reason])),
      counts: (_holder, functions, _calls, gone) => {
        const alive = weak.deref();
        if (gone !== undefined) return own.stop();
        // It is given: from here on it is listened to.
        if (functions === 0 || alive === undefined) return;
        this.#own.add(own);
        alive.addEventListener('abort', aborted);
        this.#forgotten.register(alive, own, own);
      },
    });
    const own: Own = {
      fn,
      stop: () => {
        this.#own.delete(own);
        weak.deref()?.removeEventListener('abort', aborted);
        this.#forgotten.unregister(own);
      },
    };
    standFor(fn, () => weak.deref() ?? new AbortController().signal);
    return own;
  }

  #encode(reason: unknown): string {
    try {
      return this.#wire.encode([reason]);
    } catch {
      const text = 'the signal was aborted, for a reason that cannot be sent';
      return this.#wire.encode([new DserviceError('ERR_CANCELLED', text)]);
    }
  }

  /** Tells the peer of a signal that it has; without arguments, that it will never be aborted. */
  #tell({ fn }: Own, args: string): void {
    const id = this.#wire.local.idOf(fn);
    if (id !== undefined && this.#wire.agreed('signal')) {
      this.#wire.calling.send(`{"control":"abort","signal":${JSON.stringify(id)}${args}}`);
    }
  }

  /** Puts the peer's signals in their places. `reply`: of the call that they came with. Throws ERR_MALFORMED. */
  read(place: Placement, types: Types, reply: unknown): void {
    place.each(types, 'signal', (raw) => {
      if (!isRecord(raw)) throw malformed('a signal is not an object');
      if (raw.aborted !== true) return this.#make(raw.wait, reply);
      const controller = new AbortController();
      return place.hold(controller.signal, raw, () => controller.abort(raw.reason));
    });
  }

  #make(wait: unknown, reply: unknown): AbortSignal {
    const ref =
      typeof wait === 'function' ? this.#wire.references.find(wait as AnyFunction) : undefined;
    if (ref === undefined) throw malformed('nothing tells when a signal is aborted');
    const known = this.#theirs.get(ref.id);
    const signal = known?.signal;
    if (known !== undefined && signal !== undefined) {
      this.#keep(known, reply);
      return signal;
    }
    const made = new RemoteSignal(wait as AnyFunction, () => this.#letGo(ref));
    this.#theirs.set(ref.id, made);
    this.#keep(made, reply);
    return made.start();
  }

  /** Keeps a signal as long as the call has no outcome that it came with; without one, for good. */
  #keep(signal: RemoteSignal, reply: unknown): void {
    signal.keep(1);
    const call = readId(reply);
    if (call === undefined) return;
    const known = this.#calls.get(call);
    if (known === undefined) this.#calls.set(call, [signal]);
    else known.push(signal);
  }

  /** A call of the peer's has its outcome. */
  replied(call: number): void {
    for (const signal of this.#calls.get(call) ?? []) signal.keep(-1);
    this.#calls.delete(call);
  }

  #letGo(ref: Reference): void {
    this.#theirs.delete(ref.id);
    ref.release();
  }

  /** A signal of the peer's was aborted, or never will be. */
  aborted(message: Message): void {
    const theirs = this.#theirs.get(readId(message.signal) ?? -1);
    if (theirs === undefined) return this.#wire.drop(message);
    const ref = this.#wire.references.find(theirs.wait);
    if (ref !== undefined) this.#letGo(ref);
    if (message.arguments === undefined) return theirs.leave();
    let reason: unknown;
    try {
      [reason] = this.#wire.decode(message);
    } catch (error) {
      reason = error;
    }
    theirs.abort(reason);
  }

  /** The session is over: nobody else will tell. */
  end(why: DserviceError): void {
    for (const own of this.#own) own.stop();
    const theirs = [...this.#theirs.values()];
    this.#theirs.clear();
    this.#calls.clear();
    for (const each of theirs) each.abort(why);
  }
}
