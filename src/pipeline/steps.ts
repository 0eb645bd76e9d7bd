import { DserviceError } from '../errors.js';
import { check } from '../rules.js';
import type { Logger } from './logger.js';
import { checkName } from './name.js';
import {
  construct,
  isOriginal,
  type OriginalConstructor,
  type OriginalStep,
  runOf,
} from './original.js';
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

  /** Throws ERR_OPTION. */
  addOriginal(given: OriginalStep | OriginalConstructor | string, options: StepOptions): void {
    check('a step', options, stepRules);
    if (!isOriginal(given)) {
      this.#coming.push({ maker: given, options });
      return;
    }
    const own = Object.keys(stepRules).flatMap((name) => {
      const value: unknown = Reflect.get(given, name);
      return value === undefined ? [] : [[name, value] as const];
    });
    this.add(given.input_queue, runOf(given), {
      ...(Object.fromEntries(own) as StepOptions),
      ...options,
    });
  }

  /** Makes the steps whose constructors were given. Rejects with ERR_OPTION, or what they and `load` throw. */
  async make(
    load: (path: string) => Promise<unknown>,
    logger: Logger,
    pipeline: unknown,
  ): Promise<void> {
    while (this.#coming[0] !== undefined) {
      const { maker, options } = this.#coming[0];
      const loaded = typeof maker === 'string' ? await load(maker) : maker;
      this.addOriginal(await construct(loaded, logger, pipeline), options);
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
