import { DserviceError } from '../errors.js';
import { check } from '../rules.js';
import type { Logger } from './logger.js';
import { checkName } from './name.js';
import type { OriginalConstructor, OriginalStep } from './original.js';
import { type Step, stepOf, type StepOptions, stepRules } from './step.js';

/** The steps of a pipeline, by their queues. */
export class Steps {
  readonly all = new Map<string, Step>();
  /** Steps whose queues are known when they are made. */
  readonly #coming: { readonly maker: unknown; readonly options: StepOptions }[] = [];

  /** Throws ERR_OPTION. */
  add(queue: string, run: Step['run'], options?: StepOptions): void {
    checkName(queue, 'the queue of a step');
    if (this.all.has(queue)) {
      throw new DserviceError('ERR_OPTION', `there is a step for ${queue} already`);
    }
    this.all.set(queue, stepOf(queue, run, options));
  }

  /** A step as in 2013, which is made at the start. Throws ERR_OPTION. */
  addOriginal(maker: OriginalStep | OriginalConstructor | string, options: StepOptions): void {
    check('a step', options, stepRules);
    this.#coming.push({ maker, options });
  }

  /** Makes the original steps. Rejects with ERR_OPTION, or what they and `load` throw. */
  async make(
    load: (path: string) => Promise<unknown>,
    logger: Logger,
    pipeline: unknown,
  ): Promise<void> {
    if (this.#coming.length === 0) return;
    // Most programs have none.
    const { construct, runOf } = await import('./original.js');
    while (this.#coming[0] !== undefined) {
      const { maker, options } = this.#coming[0];
      const loaded = typeof maker === 'string' ? await load(maker) : maker;
      const step = await construct(loaded, logger, pipeline);
      this.add(step.input_queue, runOf(step), { ...ownOptions(step), ...options });
      this.#coming.shift();
    }
  }

  /** The key that a queue gives to what comes without one. Throws what the step's function throws, or ERR_OPTION. */
  keyFor(queue: string, data: unknown): string | undefined {
    const key = this.all.get(queue)?.key?.(data);
    if (key !== undefined) checkName(key, `the key of ${queue}`);
    return key;
  }
}

/** The options that a step has as properties. */
function ownOptions(step: OriginalStep): StepOptions {
  const own = Object.keys(stepRules).flatMap((name) => {
    const value: unknown = Reflect.get(step, name);
    return value === undefined ? [] : [[name, value] as const];
  });
  // Looked at by whoever adds the step.
  return Object.fromEntries(own);
}
