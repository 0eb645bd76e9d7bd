/**
 * Time and chance, injected, so that every wait can be tested without sleeping.
 * Node and browsers hand in theirs; tests hand in `VirtualClock` of `dservice/testing`.
 */
export interface Clock {
  /** Milliseconds from any fixed moment, monotonic. */
  now(): number;
  /** Milliseconds since 1970, as this machine's clock says: it may jump. For what outlives the process, and nothing else. */
  wall(): number;
  /**
   * Runs `fn` once, `ms` milliseconds from now; returns a function that prevents it.
   * A `background` timer does not keep a Node process alive.
   */
  after(ms: number, fn: () => void, background?: boolean): () => void;
  /** Runs `fn` once, in a turn of the event loop soon. */
  defer(fn: () => void): void;
  /** Runs `fn` once, when the callback that runs, and the microtasks it leaves, are through; as near as the runtime can. */
  endOfTurn(fn: () => void): void;
  /** From 0 up to, and without, 1. */
  random(): number;
}

/** Timers cannot wait longer: they would fire at once. */
export const longestTimer = 2 ** 31 - 1;

/** The clock of any JavaScript runtime. Node has better ones. */
export const systemClock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  after(ms, fn) {
    const timer = setTimeout(fn, Math.min(ms, longestTimer));
    return () => clearTimeout(timer);
  },
  defer: (fn) => queueMicrotask(fn),
  endOfTurn: (fn) => queueMicrotask(fn),
  random: () => Math.random(),
};
