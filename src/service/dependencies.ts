import type { Clock } from '../clock.js';
import type { Discovery } from '../discovery/discovery.js';
import type { Rely } from '../discovery/record.js';
import { DserviceError } from '../errors.js';
import type { Instances } from './instances.js';
import { matches } from './name.js';
import type { Matcher } from './matcher.js';

export interface DependenciesOptions {
  readonly clock: Clock;
  readonly matcher: Matcher;
  readonly discovery: Pick<Discovery, 'degraded'>;
  instances(name: string): Instances;
  /** Told when all hard dependencies are there, and when one is lost again. */
  onChange(missing: readonly Rely[]): void;
}

/** Watches over what a service relies on. */
export class Dependencies {
  readonly relies: readonly Rely[];
  readonly #options: DependenciesOptions;
  readonly #stops: (() => void)[] = [];
  #missing: readonly Rely[];
  /** Resolves `ready`. */
  #waiting: (() => void) | undefined;

  constructor(relies: readonly Rely[], options: DependenciesOptions) {
    this.relies = relies;
    this.#options = options;
    this.#missing = this.#look();
    for (const { name } of relies) {
      this.#stops.push(options.instances(name).follow(() => this.#refresh()));
    }
  }

  /** Hard dependencies without an instance that is up and in range. */
  get missing(): readonly Rely[] {
    return this.#missing;
  }

  /** Resolves when nothing is missing. Rejects with ERR_DEPENDENCY after `timeout` ms, or with the signal's reason. */
  ready(timeout: number, signal: AbortSignal): Promise<void> {
    if (this.#missing.length === 0) return Promise.resolve();
    // The reason is ours: the service was stopped.
    // oxlint-disable-next-line prefer-promise-reject-errors
    if (signal.aborted) return Promise.reject(signal.reason);
    return new Promise((resolve, reject) => {
      const end = (): void => {
        stopTimer();
        this.#waiting = undefined;
        signal.removeEventListener('abort', abort);
      };
      const abort = (): void => {
        end();
        // As above.
        // oxlint-disable-next-line prefer-promise-reject-errors
        reject(signal.reason);
      };
      const stopTimer = this.#options.clock.after(timeout, () => {
        end();
        reject(this.#unmet(timeout));
      });
      this.#waiting = () => {
        end();
        resolve();
      };
      signal.addEventListener('abort', abort);
    });
  }

  #look(): readonly Rely[] {
    return this.relies.filter(({ optional, ...rely }) => {
      if (optional === true) return false;
      const records = [...this.#options.instances(rely.name).records];
      return !records.some((it) => it.state === 'up' && this.#inRange(rely, it));
    });
  }

  #inRange(rely: Rely, record: { name: string; version: string }): boolean {
    const range = rely.range === '' ? undefined : rely.range;
    return matches({ name: rely.name, range }, record, this.#options.matcher);
  }

  #refresh(): void {
    const before = this.#missing;
    this.#missing = this.#look();
    if (before.map(format).join() !== this.#missing.map(format).join()) {
      this.#options.onChange(this.#missing);
    }
    if (this.#missing.length === 0) this.#waiting?.();
  }

  #unmet(timeout: number): DserviceError {
    const why = this.#missing.map((rely) => {
      const seen = [...this.#options.instances(rely.name).records].map((record) => {
        const range = this.#inRange(rely, record) ? '' : ', out of range';
        return `${record.version} is ${record.state}${range}`;
      });
      return `${format(rely)} (${seen.length > 0 ? seen.join('; ') : 'never seen'})`;
    });
    const { degraded } = this.#options.discovery;
    const but = degraded === undefined ? '' : `; ${degraded.message}`;
    const text = `after ${timeout} ms there is still no ${why.join(', and no ')}${but}`;
    return new DserviceError('ERR_DEPENDENCY', text, { cause: degraded });
  }

  stop(): void {
    for (const stop of this.#stops) stop();
  }
}

function format({ name, range }: Rely): string {
  return range === '' ? name : `${name}@${range}`;
}
