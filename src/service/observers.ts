import type { Clock } from '../clock.js';
import type { ContextScope } from '../protocol/context.js';
import { messageOf } from '../protocol/encode.js';
import type { ServeEvent } from '../protocol/observer.js';
import type { ObservedEvents, Observer } from './observer.js';
import type { Logger } from './runtime.js';

/** What a runtime has for them: `observer`, its own. */
export interface Observing {
  readonly clock: Clock;
  readonly scope: ContextScope;
  readonly observer?: Observer | undefined;
}

export interface ObserversOptions {
  readonly logger?: Logger | undefined;
  readonly observe?: Observer | readonly Observer[] | undefined;
}

/** All who want to know what happens in one service, caller, server or dialled session. */
export class Observers {
  readonly clock: Clock;
  readonly scope: ContextScope;
  readonly #logger: Logger;
  #all: readonly Observer[];
  #failed = false;

  constructor({ clock, scope, observer }: Observing, options: ObserversOptions) {
    this.clock = clock;
    this.scope = scope;
    this.#logger = options.logger ?? console;
    this.#all = [observer, options.observe].flatMap((each) => each ?? []).slice();
  }

  /** One more observer, until the returned function is called. */
  add(observer: Observer): () => void {
    this.#all = [...this.#all, observer];
    return () => {
      this.#all = this.#all.filter((each) => each !== observer);
    };
  }

  /** Whether anybody wants an event at this moment. */
  wants(name: keyof ObservedEvents): boolean {
    return this.#all.some((observer) => observer[name] !== undefined);
  }

  /** Whether anybody wants to know of calls that are made: asked for each. */
  get wantsCalls(): boolean {
    for (const observer of this.#all) {
      if ((observer['call:start'] ?? observer['call:end'] ?? observer['call:retry']) !== undefined)
        return true;
    }
    return false;
  }

  /** The same, of calls that are served. */
  get wantsServing(): boolean {
    for (const observer of this.#all) {
      if ((observer['serve:start'] ?? observer['serve:end'] ?? observer.around) !== undefined)
        return true;
    }
    return false;
  }

  tell<K extends keyof ObservedEvents>(name: K, event: ObservedEvents[K]): void {
    for (const observer of this.#all) {
      try {
        // Of that name, and for that event: the compiler does not see that both have the same K.
        const told = observer[name] as ((event: ObservedEvents[K]) => void) | undefined;
        told?.call(observer, event);
      } catch (error) {
        this.#fail(error);
      }
    }
  }

  /** Runs a handler, once, within what all observers put around it. */
  around(event: ServeEvent, handler: () => void): void {
    let run = (): void => {
      run = () => {};
      handler();
    };
    const within = this.#all.reduceRight<() => void>(
      (inner, observer) => () => {
        try {
          if (observer.around === undefined) inner();
          else observer.around(event, inner);
        } catch (error) {
          this.#fail(error);
        }
      },
      () => run(),
    );
    within();
    // One of them may have failed before it came so far.
    run();
  }

  /** An observer threw. One line in the log: it may do so at each call. */
  #fail(error: unknown): void {
    if (this.#failed) return;
    this.#failed = true;
    this.#logger.warn(`dservice: an observer failed: ${messageOf(error)}`);
  }
}
