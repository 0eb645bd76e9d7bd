import type { Clock } from '../clock.js';
import { type Discovery, reasonsOf } from '../discovery/discovery.js';
import type { InstanceRecord, Rely } from '../discovery/record.js';
import { DserviceError } from '../errors.js';
import { type Cycle, formatCycle, type Watching, type WatchOptions } from './cycle.js';
import type { DialerOptions } from './dialer.js';
import type { Instances } from './instances.js';
import { matches } from './name.js';
import type { Matcher } from './matcher.js';

export interface DependenciesOptions {
  readonly clock: Clock;
  readonly matcher: Matcher;
  readonly discovery: Pick<Discovery, 'degraded' | 'health'>;
  readonly dialing: DialerOptions<unknown>;
  /** The instance that relies on them. */
  self(): InstanceRecord;
  /** The instances of a name, followed for as long as the service runs. */
  instances(name: string): Instances;
  /** All instances, until they are stopped. */
  browse(): Instances;
  watchCycle(options: WatchOptions): Watching;
  /** Told when another hard dependency is there, or lost. */
  onChange(missing: readonly Rely[]): void;
}

/** Watches over what a service relies on. */
export class Dependencies {
  readonly relies: readonly Rely[];
  readonly #options: DependenciesOptions;
  readonly #stops: (() => void)[] = [];
  #missing: readonly Rely[];
  /** Ends `ready`, well or not. */
  #settle: ((error?: DserviceError) => void) | undefined;
  #watch: Watching | undefined;
  #stuck = false;

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

  /** It waited in a circle, or for one, and gave up. */
  get stuck(): boolean {
    return this.#stuck;
  }

  /**
   * Resolves when nothing is missing. Rejects with ERR_DEPENDENCY_CYCLE, with ERR_DEPENDENCY behind a circle
   * of others or after `timeout` ms, or with the signal's reason.
   */
  ready(timeout: number, signal: AbortSignal): Promise<void> {
    if (this.#missing.length === 0) return Promise.resolve();
    // The reason is ours: the service was stopped.
    // oxlint-disable-next-line prefer-promise-reject-errors
    if (signal.aborted) return Promise.reject(signal.reason);
    const { clock, dialing, self, instances, browse, watchCycle } = this.#options;
    return new Promise((resolve, reject) => {
      // As above.
      const abort = (): void => this.#settle?.(signal.reason as DserviceError);
      const stopTimer = clock.after(timeout, () => this.#settle?.(this.#unmet(timeout)));
      this.#settle = (error) => {
        stopTimer();
        this.#watch?.stop();
        this.#settle = undefined;
        signal.removeEventListener('abort', abort);
        if (error === undefined) resolve();
        else reject(error);
      };
      this.#watch = watchCycle({
        ...{ clock, dialing, self, instances, browse },
        inRange: (rely, record) => this.#inRange(rely, record),
        tell: (cycle) => {
          this.#stuck = true;
          this.#settle?.(cycle.on ? circular(cycle) : this.#behind(cycle));
        },
      });
      signal.addEventListener('abort', abort);
    });
  }

  #look(): readonly Rely[] {
    return this.relies.filter(({ optional, ...rely }) => {
      if (optional === true) return false;
      const records = [...this.#options.instances(rely.name).records];
      // The range first: of those that wait it may have to be asked, too, for when they do not any more.
      return !records.some((it) => this.#inRange(rely, it) && it.state === 'up');
    });
  }

  #inRange(rely: Rely, record: { name: string; version: string }): boolean {
    const range = rely.range === '' ? undefined : rely.range;
    return matches({ name: rely.name, range }, record, this.#options.matcher);
  }

  #refresh(): void {
    const before = this.#missing;
    this.#missing = this.#look();
    this.#watch?.touch();
    if (before.map(format).join() !== this.#missing.map(format).join()) {
      this.#options.onChange(this.#missing);
    }
    if (this.#missing.length === 0) this.#settle?.();
  }

  #unmet(timeout: number): DserviceError {
    const reasons = reasonsOf(this.#options.discovery);
    const cycle = this.#watch?.cycle;
    const behind = cycle === undefined ? '' : `; ${waits(cycle)}`;
    const but = reasons.map(({ message }) => `; ${message}`).join('');
    const text = `after ${timeout} ms there is still no ${this.#reasons()}${behind}${but}`;
    return new DserviceError('ERR_DEPENDENCY', text, { cause: reasons[0] });
  }

  #behind(cycle: Cycle): DserviceError {
    return new DserviceError('ERR_DEPENDENCY', `there is no ${this.#reasons()}; ${waits(cycle)}`);
  }

  /** What is missing, each with what was seen of it. */
  #reasons(): string {
    const why = this.#missing.map((rely) => {
      const seen = [...this.#options.instances(rely.name).records].map((record) => {
        const range = this.#inRange(rely, record) ? '' : ', out of range';
        return `${record.version} is ${record.state}${range}`;
      });
      return `${format(rely)} (${seen.length > 0 ? seen.join('; ') : 'never seen'})`;
    });
    return why.join(', and no ');
  }

  stop(): void {
    for (const stop of this.#stops) stop();
    this.#watch?.stop();
  }
}

function circular(cycle: Cycle): DserviceError {
  const text = `${formatCycle(cycle)}: each waits for the next, so none comes up; an optional one is not waited for`;
  return new DserviceError('ERR_DEPENDENCY_CYCLE', text);
}

function waits(cycle: Cycle): string {
  return `these wait for each other: ${formatCycle(cycle)}`;
}

function format({ name, range }: Rely): string {
  return range === '' ? name : `${name}@${range}`;
}
