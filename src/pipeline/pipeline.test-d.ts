// What types of pipelines let through, and what not; tsc checks it.
import type {
  Duration,
  Ending,
  Filter,
  Letter,
  OriginalStep,
  Pipeline,
  PipelineOptions,
  PushResult,
  StepContext,
  StepOptions,
} from './public-types.js';

declare const p: Pipeline;

interface Order {
  readonly sku: string;
}

export function steps(): void {
  p.step('a', (data: Order, step) => step.next('b', data.sku)).step('b', async () => {});
  p.step('a', () => {}, { timeout: '30s', backoff: (attempt) => attempt * 100, retries: 0 });
  p.step('a', () => {}, { key: ({ sku }: Order) => sku, rate: { n: 3, per: '1s' } });
  p.step('a', (_, step) => {
    const context: StepContext = step;
    context.next('b', 1, { key: null, delay: 3, error: 'any' });
    const never: never = context.fail(new Error('no'));
    return never;
  });
  // @ts-expect-error -- a time is a number or text
  p.step('a', () => {}, { timeout: true });
  // @ts-expect-error -- no option
  p.step('a', () => {}, { retires: 3 });
  // @ts-expect-error -- a key is text
  p.step('a', () => {}, { key: () => 3 });
  // @ts-expect-error -- a queue is text
  p.step(3, () => {});
  // @ts-expect-error -- what a command is, it stays
  p.step('a', (_, step) => (step.id = 'x'));
}

export function original(): void {
  p.step('./a.js', { retries: 2 });
  p.step({ input_queue: 'a', execute: (payload, done) => done(null, payload.data, 'b') });
  p.step(function (this: OriginalStep, logger, pipeline) {
    logger.info(pipeline.name);
    this.input_queue = 'a';
    this.execute = (_, done) => done(new Error('no'));
  });
  p.step(() => ({ input_queue: 'a', execute() {} }));
  p.step(async () => ({ input_queue: 'a', execute() {} }), { concurrency: 3 });
  // @ts-expect-error -- a step executes
  p.step({ input_queue: 'a' });
}

export async function commands(): Promise<void> {
  const pushed: PushResult = await p.push('a', { sku: 'x' }, { id: 'x', key: 'k', delay: '3s' });
  const state: 'queued' | 'known' | 'finished' | 'dead' = pushed.state;
  await p.pushAll(new Set([{ queue: 'a', data: state }]));
  const { state: how, error, children }: Ending = await p.finished('x', { key: 'k' });
  const texts: readonly string[] = children;
  const maybe: Error | undefined = error;
  const how3: 'finished' | 'dead' | 'forgotten' = how;
  const [letter] = await p.peek('a', { state: 'waiting', limit: 3 });
  const known: Letter | undefined = letter;
  const filter: Filter = { id: ['x'], age: '3d' };
  const count: number = await p.redrive(filter, { to: 'b', reset: false });
  await p.purge(filter, { state: 'input' });
  // @ts-expect-error -- a misspelt filter would be everything
  await p.purge({ ids: ['x'] });
  // @ts-expect-error -- no state
  await p.peek('a', { state: 'done' });
  // @ts-expect-error -- no time
  await p.push('a', 1, { delay: new Date() });
  // @ts-expect-error -- an item has a queue
  await p.pushAll([{ data: 1 }]);
  void [texts, maybe, how3, known, count];
}

export function events(): () => void {
  p.on('started', ({ id, key, queue, attempt }) => [id, key, queue, attempt.toFixed()]);
  p.on('moved', ({ to }) => to);
  p.on('retried', ({ delay, error }) => [delay, error?.message]);
  p.on('degraded', (error) => error.code);
  // @ts-expect-error -- no event
  p.on('done', () => {});
  return p.on('finished', ({ children }) => children.length);
}

const time: Duration = '3s';
const options: StepOptions = { timeout: time };
export const loggers: PipelineOptions[] = [{ logger: console }];
export async function stop(): Promise<void> {
  await p.stop();
  await p.stop({ drain: true });
  await p.stop({ drain: '3s' });
  await using again = p;
  void [again, options];
}
