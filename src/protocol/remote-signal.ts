import type { AnyFunction } from './encode.js';

/** Of a signal made here: what aborts it. So who holds the signal holds that, and nobody else needs to. */
const controller = Symbol('controller');
const remote = Symbol('remote');

type Made = AbortSignal & { [controller]: AbortController; [remote]: RemoteSignal };
type Listener = Parameters<AbortSignal['addEventListener']>[1];

/** What stands behind a signal, if it is one of a peer's. */
export function remoteSignal(signal: AbortSignal): RemoteSignal | undefined {
  return (signal as Partial<Made>)[remote];
}

/**
 * A signal of the peer's. It is held while the call that it came with runs, and while somebody listens; after that
 * it may be collected, and the peer is told.
 */
export class RemoteSignal {
  /** The function that stands for it: were that collected, the peer would be told to forget it. */
  readonly wait: AnyFunction;
  readonly #onForgotten: () => void;
  readonly #listeners = new Set<unknown>();
  #weak: WeakRef<Made> | undefined;
  /** Keeps it from being collected. */
  held: Made | undefined;
  #kept = 0;
  #over = false;
  readonly #registry: FinalizationRegistry<undefined>;

  /** `onForgotten`: nobody has the signal any more. */
  constructor(wait: AnyFunction, onForgotten: () => void) {
    this.wait = wait;
    this.#onForgotten = onForgotten;
    this.#registry = new FinalizationRegistry(() => {
      if (!this.#over) this.#onForgotten();
      this.#over = true;
    });
  }

  get signal(): AbortSignal | undefined {
    return this.#weak?.deref();
  }

  start(): AbortSignal {
    const made = new AbortController();
    const behind = { [controller]: { value: made }, [remote]: { value: this } };
    const signal = Object.defineProperties(made.signal, behind) as Made;
    this.#weak = new WeakRef(signal);
    this.#registry.register(signal, undefined);
    this.#watch(signal);
    this.#hold();
    return signal;
  }

  /** It is kept for one reason more, or less. */
  keep(more: number): void {
    this.#kept += more;
    this.#hold();
  }

  #hold(): void {
    const isHeld = !this.#over && (this.#kept > 0 || this.#listeners.size > 0);
    this.held = isHeld ? this.#weak?.deref() : undefined;
  }

  /** Knows of who listens, by whichever way. */
  #watch(signal: Made): void {
    const listens = (listener: unknown, on: boolean): void => {
      if (on) this.#listeners.add(listener);
      else this.#listeners.delete(listener);
      this.#hold();
    };
    const { addEventListener, removeEventListener } = signal;
    // Some runtimes make a listener of it, and never take that away.
    let isHandler = false;
    const onabort = Object.getOwnPropertyDescriptor(AbortSignal.prototype, 'onabort');
    Object.defineProperties(signal, {
      addEventListener: {
        value(type: string, listener: Listener, options?: AddEventListenerOptions) {
          addEventListener.call(signal, type, listener, options);
          if (listener !== null && !isHandler) listens(listener, true);
        },
      },
      removeEventListener: {
        value(type: string, listener: Listener, options?: EventListenerOptions) {
          removeEventListener.call(signal, type, listener, options);
          listens(listener, false);
        },
      },
      onabort: {
        get: () => onabort?.get?.call(signal) as unknown,
        set(listener: unknown) {
          isHandler = true;
          onabort?.set?.call(signal, listener);
          isHandler = false;
          listens('onabort', typeof listener === 'function');
        },
      },
    });
  }

  /** It will never be aborted. */
  leave(): void {
    this.#over = true;
    this.#hold();
  }

  abort(reason: unknown): void {
    const signal = this.#weak?.deref();
    this.leave();
    signal?.[controller].abort(reason);
  }
}
