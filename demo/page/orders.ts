import { DserviceError, type Service } from 'dservice';
import { type Letter, pipeline, type QueueCounts } from 'dservice/pipeline';
import { deliver, delivered, type Delivered } from './delivered.js';
import { keep, onChange, read } from './kept.js';
import { harmless } from './text.js';

/** What can be switched; all tabs of the browser have it in common. */
export type Switch = 'offline' | 'refused';

/** The queues, in the order in which orders go through them. */
export const queues = ['send', 'done'] as const;

/** How the orders are doing. */
export interface OrdersState {
  readonly queues: Readonly<Record<(typeof queues)[number], QueueCounts>>;
  readonly dead: readonly Letter[];
  readonly delivered: readonly Delivered[];
}

export interface OrdersOptions {
  /** The service that this tab is: it finds who takes orders. */
  readonly tab: Service<object>;
  /** Something happened that may be shown. */
  onChange(): void;
  onNews(text: string, kind: 'good' | 'bad' | 'plain'): void;
}

interface Greeter {
  shout(text: string): Promise<unknown>;
}

const nothing: QueueCounts = { input: 0, held: 0, working: 0, waiting: 0 };

/** Orders that are kept in this browser until they are delivered, whatever becomes of the page and the network. */
export class Orders {
  readonly #pipeline = pipeline('demo-orders');
  readonly #options: OrdersOptions;
  #greeter: Promise<Greeter> | undefined;

  constructor(options: OrdersOptions) {
    this.#options = options;
    const { onNews, onChange: changed } = options;
    const orders = this.#pipeline;
    const again = { retries: 2, backoff: { first: 300, longest: 600 } };
    orders.step(
      'send',
      async (what: string, step) => {
        // That is no failure, and is not counted as one.
        if (this.offline) return step.delay('1s');
        if (this.on('refused')) throw new Error('the recipient refuses orders');
        return step.next('done', { what, receipt: await this.#send(what) });
      },
      again,
    );
    orders.step('done', ({ what, receipt }: Omit<Delivered, 'id' | 'at'>, step) => {
      deliver({ id: step.id, what, receipt, at: Date.now() });
      onNews(`The order ${harmless(what, 80)} is delivered.`, 'good');
    });
    orders.on('dead', ({ error }) =>
      onNews(`An order is given up: ${harmless(error.message)}`, 'bad'),
    );
    orders.on('degraded', ({ code, message }) => onNews(harmless(`${code}: ${message}`), 'bad'));
    for (const event of ['pushed', 'started', 'retried', 'moved', 'finished'] as const) {
      orders.on(event, changed);
    }
    onChange(changed);
    addEventListener('online', changed);
    addEventListener('offline', changed);
  }

  start(): Promise<void> {
    return this.#pipeline.start();
  }

  /** Resolves when it is kept. */
  async order(what: string): Promise<void> {
    await this.#pipeline.push('send', what);
  }

  /** Whether nothing can be sent: by the switch, or because the browser says so. */
  get offline(): boolean {
    return this.on('offline') || !navigator.onLine;
  }

  on(name: Switch): boolean {
    return read(`orders-${name}`) !== undefined;
  }

  turn(name: Switch, on: boolean): void {
    keep(`orders-${name}`, on ? 'on' : undefined);
    this.#options.onChange();
  }

  async state(): Promise<OrdersState> {
    const [counts, dead] = await Promise.all([this.#pipeline.counts(), this.#pipeline.dead()]);
    const { send = nothing, done = nothing } = counts.queues;
    return { queues: { send, done }, dead, delivered: delivered() };
  }

  /** Puts a dead letter into its queue again; all of them without an id. */
  async redrive(id?: string): Promise<void> {
    await this.#pipeline.redrive(id === undefined ? {} : { id });
    this.#options.onChange();
  }

  /** What the greeter says to it; undefined where there is none, or what it said was no text. */
  async #send(what: string): Promise<string | undefined> {
    try {
      this.#greeter ??= this.#options.tab.connect('greeter@^1', { wait: 1_500, deadline: 5_000 });
      const receipt: unknown = await (await this.#greeter).shout(what);
      return typeof receipt === 'string' ? receipt : undefined;
    } catch (error) {
      this.#greeter = undefined;
      // In this demo an order is delivered also where nobody is there to take it.
      if (DserviceError.is(error) && error.code === 'ERR_NO_INSTANCE') return undefined;
      throw error;
    }
  }
}
