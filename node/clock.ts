import { performance } from 'node:perf_hooks';
import { type Clock, longestTimer } from '../src/clock.js';

/** Node's clock: background timers keep no process alive. */
export const nodeClock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  after(ms, fn, background = false) {
    // What is due already is no number below zero: Node 26 and Bun warn of that.
    const timer = setTimeout(fn, Math.max(0, Math.min(ms, longestTimer)));
    if (background) timer.unref();
    return () => clearTimeout(timer);
  },
  defer: (fn) => void setImmediate(fn),
  // Asked for from a microtask, this comes when all of them are through, and costs less than an immediate.
  endOfTurn: (fn) => process.nextTick(fn),
  random: () => Math.random(),
};
