import type { Clock } from '../clock.js';

/** The longest pause doubles from `first` up to `longest`, in ms. */
export interface Backoff {
  readonly first: number;
  readonly longest: number;
}

/** ms before the next try, after `tries` that failed: by chance, from 1 up to the longest pause (full jitter). */
export function pauseAfter({ first, longest }: Backoff, tries: number, clock: Clock): number {
  const most = Math.min(longest, first * 2 ** Math.min(tries, 50));
  return Math.max(1, Math.floor(clock.random() * most));
}
