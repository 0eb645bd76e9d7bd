import type { Clock } from '../clock.js';

// In the order of their code points, so that ids sort by the time at which they were made.
const digits = '-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz';

/** So many ids may be made in a millisecond; then they run ahead of the clock. */
const perMs = 64 ** 2;

/**
 * Makes ids of 19 characters that nobody else makes: 7 of time, 2 that count, 10 by chance for each maker. Ordered by
 * time, so that stores that keep things in order write at one end.
 */
export class Ids {
  readonly #clock: Clock;
  readonly #maker: string;
  #last = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#maker = chance(clock, 10);
  }

  next(): string {
    this.#last = Math.max(this.#last + 1, Math.floor(this.#clock.wall()) * perMs);
    return number(this.#last, 9) + this.#maker;
  }
}

/** Characters by chance. */
export function chance(clock: Clock, length: number): string {
  return Array.from({ length }, () => digits[Math.floor(clock.random() * 64)]).join('');
}

function number(value: number, length: number): string {
  let text = '';
  for (let rest = value; text.length < length; rest = Math.floor(rest / 64)) {
    text = (digits[rest % 64] ?? '') + text;
  }
  return text;
}
