import type { Rely } from '../discovery/record.js';
import { DserviceError } from '../errors.js';
import type { Matcher } from './matcher.js';
import { parseQuery } from './name.js';

/** As many does a record hold. */
const most = 256;

/** What a service relies on, as it is declared. */
export class Relies {
  readonly #of: string | undefined;
  #all: readonly Rely[] = [];

  /** `of`: the name of the service. */
  constructor(of: string | undefined) {
    this.#of = of;
  }

  get all(): readonly Rely[] {
    return this.#all;
  }

  /**
   * Adds what the program says. Throws ERR_NAME, ERR_RANGE, and ERR_DEPENDENCY_CYCLE for the service itself:
   * it would wait for itself.
   */
  add(query: string, optional: boolean, matcher: Matcher): void {
    const { name, range = '' } = parseQuery(query, matcher);
    if (name === this.#of) {
      const text = `${name} → ${name}: a service does not rely on its own name`;
      throw new DserviceError('ERR_DEPENDENCY_CYCLE', text);
    }
    this.#put({ name, range, ...(optional ? { optional } : {}) });
  }

  /** Adds what is declared for all services of a package: what one of them is, it does not rely on. */
  addShared(relies: readonly Rely[]): void {
    for (const rely of relies) if (rely.name !== this.#of) this.#put(rely);
  }

  /** Several ranges of one name must all be met, maybe by several instances. Of the same, the strict one counts. */
  #put(rely: Rely): void {
    const same = ({ name, range }: Rely): boolean => name === rely.name && range === rely.range;
    const before = this.#all.find(same);
    if (before === undefined) this.#all = [...this.#all, rely];
    else if (rely.optional !== true) {
      this.#all = this.#all.map((each) => (each === before ? rely : each));
    }
    if (this.#all.length <= most) return;
    throw new DserviceError('ERR_LIMIT', `a service relies on at most ${most} others`);
  }
}
