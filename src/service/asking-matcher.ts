import type { Clock } from '../clock.js';
import { DserviceError } from '../errors.js';
import type { Matcher } from './matcher.js';

/** Which of those versions are in a range. Rejects with ERR_RANGE for what is none. */
export type Ask = (range: string, versions: readonly string[]) => Promise<readonly boolean[]>;

/** Milliseconds after which is asked again what nobody could answer. */
const again = 1_000;

/**
 * Matches versions by asking somebody who knows semver, each pair once: so that a page carries none.
 * Versions it reads and compares by itself (SemVer 2.0.0, §2, §9 to §11).
 */
export class AskingMatcher implements Matcher {
  readonly #ask: Ask;
  readonly #clock: Clock;
  /** What is known of each range; undefined where it is being asked. */
  readonly #known = new Map<string, Map<string, boolean | undefined>>();
  readonly #notRanges = new Set<string>();
  readonly #listeners = new Set<() => void>();
  /** What is asked at the end of the turn. */
  readonly #asked = new Map<string, string[]>();

  constructor(ask: Ask, clock: Clock) {
    this.#ask = ask;
    this.#clock = clock;
  }

  version(text: string): string | undefined {
    const parts = read(text);
    if (parts === undefined) return undefined;
    const { numbers, prerelease } = parts;
    return `${numbers.join('.')}${prerelease.length > 0 ? `-${prerelease.join('.')}` : ''}`;
  }

  isRange(text: string): boolean {
    return !this.#notRanges.has(text) && /^[\w\s.*^~<>=|+-]+$/.test(text);
  }

  satisfies(version: string, range: string): boolean {
    let known = this.#known.get(range);
    if (known === undefined)
      this.#known.set(range, (known = new Map<string, boolean | undefined>()));
    if (!known.has(version)) {
      known.set(version, undefined);
      this.#askFor(range, version);
    }
    return known.get(version) ?? false;
  }

  compare(a: string, b: string): number {
    const [left, right] = [read(a), read(b)];
    if (left === undefined || right === undefined) return 0;
    for (const [at, number] of left.numbers.entries()) {
      const other = right.numbers[at] ?? 0;
      if (number !== other) return number - other;
    }
    return comparePrereleases(left.prerelease, right.prerelease);
  }

  onLearned(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #askFor(range: string, version: string): void {
    const versions = this.#asked.get(range);
    if (versions !== undefined) {
      versions.push(version);
      return;
    }
    this.#asked.set(range, [version]);
    this.#clock.defer(() => void this.#send(range));
  }

  async #send(range: string): Promise<void> {
    const versions = this.#asked.get(range) ?? [];
    this.#asked.delete(range);
    const known = this.#known.get(range);
    try {
      const answers = await this.#ask(range, versions);
      for (const [at, version] of versions.entries()) known?.set(version, answers[at] === true);
    } catch (error) {
      if (DserviceError.is(error) && error.code === 'ERR_RANGE') this.#notRanges.add(range);
      else {
        // Whoever still wants to know asks again.
        for (const version of versions) known?.delete(version);
        await new Promise<void>((resolve) => this.#clock.after(again, resolve, true));
      }
    }
    for (const listener of [...this.#listeners]) listener();
  }
}

interface Version {
  readonly numbers: readonly number[];
  readonly prerelease: readonly string[];
}

const identifier = '(?:0|[1-9]\\d*|\\d*[a-zA-Z-][\\da-zA-Z-]*)';
const shape = /* @__PURE__ */ new RegExp(
  `^\\s*v?(0|[1-9]\\d*)\\.(0|[1-9]\\d*)\\.(0|[1-9]\\d*)(?:-(${identifier}(?:\\.${identifier})*))?(?:\\+[\\da-zA-Z-]+(?:\\.[\\da-zA-Z-]+)*)?\\s*$`,
);

function read(text: string): Version | undefined {
  const match = text.length <= 256 ? shape.exec(text) : null;
  if (match === null) return undefined;
  const numbers = match.slice(1, 4).map(Number);
  if (!numbers.every(Number.isSafeInteger)) return undefined;
  return { numbers, prerelease: match[4]?.split('.') ?? [] };
}

/** SemVer 2.0.0, §11.3 and §11.4. */
function comparePrereleases(a: readonly string[], b: readonly string[]): number {
  // A version without one is newer than any with.
  if (a.length === 0 || b.length === 0) return b.length - a.length;
  for (const [at, left] of a.entries()) {
    const right = b[at];
    if (right === undefined) return 1;
    if (left === right) continue;
    const [l, r] = [/^\d+$/.test(left), /^\d+$/.test(right)];
    if (l && r) return Number(left) - Number(right);
    if (l !== r) return l ? -1 : 1;
    return left < right ? -1 : 1;
  }
  return a.length - b.length;
}
