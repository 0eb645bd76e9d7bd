import { Ewma } from './ewma.js';

/** ms that an instance rests at first, and at most. */
const firstRest = 5_000;
const longestRest = 300_000;

/** Losses, each within so many ms of the one before, after which an instance rests though it comes back each time. */
const flapping = { losses: 3, ms: 10_000 };

/** How an instance has done of late, and whether it rests. */
export class Standing {
  readonly #latency = new Ewma();
  /** Calls that failed by the instance's fault, in a row. */
  failures = 0;
  /** Outcomes since it came, or came back. */
  outcomes = 0;
  /** It gets no calls, but for a trial now and then. */
  out = false;
  /** A trial call is out. */
  #trying = false;
  #rest = 0;
  #until = 0;
  /** When it came back last. */
  #backAt = 0;
  /** How often it was lost, one soon after the other, and when it was back from the last: ms of the clock. */
  #losses = 0;
  #lostAt = 0;

  /** ms that a call takes, or undefined where none was answered yet. */
  get latency(): number | undefined {
    return this.#latency.value;
  }

  /** As `latency`, fading while nothing is called. */
  fadedLatency(now: number): number | undefined {
    return this.#latency.faded(now);
  }

  /** Whether how the next call ends decides if it is back. */
  get trying(): boolean {
    return this.#trying;
  }

  /** When its rest is over: ms of the clock. */
  get until(): number {
    return this.#until;
  }

  /** A call was answered, after so many ms. True where it is back by that. */
  answered(ms: number, now: number): boolean {
    this.failures = 0;
    if (this.out) {
      // One that was out before it was ejected says nothing new.
      if (!this.#trying) return false;
      this.back(now);
      this.#latency.begin(ms, now);
      return true;
    }
    this.outcomes++;
    this.#latency.add(ms, now);
    return false;
  }

  /** A call had an outcome that tells that the instance is there, and nothing of its pace. */
  present(): void {
    this.failures = 0;
  }

  failed(): void {
    this.failures++;
  }

  /** It was lost for a moment, and calls with it. True where that happens too often. */
  lost(now: number): boolean {
    this.failed();
    this.#losses = now - this.#lostAt < flapping.ms ? this.#losses + 1 : 1;
    this.#lostAt = now;
    return this.#losses >= flapping.losses;
  }

  /** Rests from now on: longer each time, unless it was good for long in between. Returns for how many ms. */
  eject(now: number): number {
    const wasGood = !this.out && now - this.#backAt > 2 * this.#rest;
    this.#rest = this.#rest === 0 || wasGood ? firstRest : Math.min(2 * this.#rest, longestRest);
    this.out = true;
    this.#trying = false;
    this.#until = now + this.#rest;
    return this.#rest;
  }

  /** Whether it may have a trial call now. */
  isDue(now: number): boolean {
    return this.out && now >= this.#until;
  }

  /** It gets one call; the next one after as long again, unless this one is answered. */
  begin(now: number): void {
    this.#trying = true;
    this.#until = now + this.#rest;
  }

  back(now: number): void {
    this.out = false;
    this.#trying = false;
    this.failures = 0;
    this.outcomes = 0;
    this.#backAt = now;
  }
}
