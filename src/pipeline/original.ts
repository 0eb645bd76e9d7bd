import { DserviceError } from '../errors.js';
import { isObject } from '../rules.js';
import type { Logger } from './logger.js';
import type { Step, StepOptions } from './step.js';
import type { StepContext } from './step-context.js';
import { errorOf, storedError } from './stored-error.js';

/** What an original step is given to work on. */
export interface Payload {
  readonly id: string;
  readonly data: unknown;
  /** 1 for the first. */
  readonly attempt: number;
  readonly key: string | undefined;
  /** What the attempt before failed with, or what came along from the step before. */
  readonly error: Error | undefined;
  readonly signal: AbortSignal;
}

/**
 * With `nextQueue`, `result` goes there, and so does `err`; with `err` alone, the command is tried again; with
 * neither, it is finished.
 */
export type Done = (err?: unknown, result?: unknown, nextQueue?: string) => void;

/** A step as in 2013: what a constructor makes. It may have the options of a step as properties. */
export interface OriginalStep extends StepOptions {
  input_queue: string;
  execute(payload: Payload, done: Done): unknown;
}

/** `function (logger, pipeline) { this.input_queue = …; this.execute = … }`, or a function that builds and returns one. */
// oxlint-disable-next-line typescript/no-explicit-any -- constructors and plain functions alike, with any `this`
export type OriginalConstructor = (this: any, logger: any, pipeline: any) => unknown;

export function isOriginal(value: unknown): value is OriginalStep {
  return isObject(value) && 'execute' in value && typeof value.execute === 'function';
}

/** The step that a constructor makes, called with `new` where it can be. Rejects with ERR_OPTION, or what it throws. */
export async function construct(
  maker: unknown,
  logger: Logger,
  pipeline: unknown,
): Promise<OriginalStep> {
  if (isOriginal(maker)) return maker;
  if (typeof maker === 'function') {
    // Arrow functions, methods and asynchronous functions are no constructors: they have no prototype.
    const made: unknown = await (maker.prototype === undefined
      ? (maker as (...args: unknown[]) => unknown)(logger, pipeline)
      : new (maker as unknown as new (...args: unknown[]) => unknown)(logger, pipeline));
    if (isOriginal(made)) return made;
  }
  throw new DserviceError(
    'ERR_OPTION',
    'a step has input_queue and execute(payload, done), or is a constructor of such',
  );
}

/** What a worker runs of it. */
export function runOf(step: OriginalStep): Step['run'] {
  return (data, context) =>
    new Promise<void>((resolve, reject) => {
      const { id, key, attempt, error, logger } = context;
      // oxlint-disable-next-line typescript/prefer-promise-reject-errors -- steps give what they like
      const fail = (thrown: unknown): void => reject(thrown);
      let calls = 0;
      const done: Done = (err, result, nextQueue) => {
        if (++calls === 2) logger.warn('done() was called twice: the second is ignored');
        if (calls > 1) return;
        // As in 2013: what is false is no error, and no queue.
        if (err && !nextQueue) {
          fail(err);
          return;
        }
        try {
          if (nextQueue) context.next(nextQueue, result, err ? { error: err } : {});
          resolve();
        } catch (thrown) {
          fail(thrown);
        }
      };
      const failed = (thrown: unknown): void => {
        if (calls === 0) fail(thrown);
        else logger.warn(errorOf(storedError(thrown)), 'came after done(), and is ignored');
      };
      const payload = payloadOf(context, { id, data, attempt, key, error });
      try {
        const result = step.execute(payload, done);
        if (result instanceof Promise) result.catch(failed);
      } catch (thrown) {
        failed(thrown);
      }
    });
}

/** The signal is made when it is asked for. */
function payloadOf(context: StepContext, payload: Omit<Payload, 'signal'>): Payload {
  return Object.defineProperty(payload, 'signal', {
    get: () => context.signal,
  }) as unknown as Payload;
}
