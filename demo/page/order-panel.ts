import { arrange, byId, h, say } from './element.js';
import type { Delivered } from './delivered.js';
import { Orders, type OrdersOptions, type OrdersState, queues, type Switch } from './orders.js';
import { clockTime, counted, harmless } from './text.js';

/** Milliseconds between looks: another tab may do what is not told here. */
const glance = 500;

/** The form that takes orders, and what becomes of them. */
export class OrderPanel {
  readonly #orders: Orders;
  readonly #input = byId('order', HTMLInputElement);
  readonly #state = byId('orders-state', HTMLElement);
  readonly #dead = byId('orders-dead', HTMLElement);
  readonly #delivered = byId('orders-delivered', HTMLElement);
  readonly #onNews: OrdersOptions['onNews'];
  readonly #lines = new Map<string, HTMLElement>();
  #drawing = false;
  #again = false;

  constructor({ tab, onNews }: Omit<OrdersOptions, 'onChange'>) {
    this.#onNews = onNews;
    this.#orders = new Orders({ tab, onNews, onChange: () => void this.#draw() });
    byId('order-form', HTMLFormElement).addEventListener('submit', (event) => {
      event.preventDefault();
      void this.#order();
    });
    for (const name of ['offline', 'refused'] as const) {
      const box = this.#box(name);
      box.addEventListener('change', () => this.#orders.turn(name, box.checked));
    }
    byId('redrive', HTMLElement).addEventListener('click', () => void this.#orders.redrive());
    // What goes wrong with what is kept is told as it happens.
    this.#orders.start().catch((error: unknown) => onNews(harmless(String(error), 300), 'bad'));
    setInterval(() => {
      if (document.visibilityState === 'visible') void this.#draw();
    }, glance);
    void this.#draw();
  }

  async #order(): Promise<void> {
    const what = this.#input.value.trim();
    if (what === '') return this.#input.focus();
    try {
      await this.#orders.order(what);
      this.#input.value = '';
      this.#onNews(`The order ${harmless(what, 80)} is kept.`, 'plain');
    } catch (error) {
      this.#onNews(`The order is not kept: ${harmless(String(error), 300)}`, 'bad');
    }
    this.#input.focus();
  }

  /** Once at a time; what changes meanwhile is drawn afterwards. */
  async #draw(): Promise<void> {
    this.#again = true;
    if (this.#drawing) return;
    this.#drawing = true;
    while (this.#again) {
      this.#again = false;
      // What is wrong with the store is told by the pipeline.
      const state = await this.#orders.state().catch(() => undefined);
      if (state !== undefined) this.#show(state);
    }
    this.#drawing = false;
  }

  #show({ queues: counts, dead, delivered }: OrdersState): void {
    for (const name of ['offline', 'refused'] as const) {
      this.#box(name).checked = this.#orders.on(name);
    }
    say(this.#state, this.#sentence(counts.send.input + counts.send.working + counts.send.waiting));
    for (const queue of queues) {
      for (const column of ['input', 'working', 'waiting'] as const) {
        say(byId(`orders-${queue}-${column}`, HTMLElement), String(counts[queue][column]));
      }
    }
    byId('dead-letters', HTMLElement).hidden = dead.length === 0;
    say(byId('dead-count', HTMLElement), counted(dead.length, 'order'));
    arrange(
      this.#dead,
      dead.map(({ id, data, tries, error }) =>
        this.#line(`dead ${id} ${tries}`, () => [
          h('span', { class: 'order-what' }, harmless(String(data), 80)),
          h('span', { class: 'order-note' }, harmless(error?.message ?? '', 120)),
          h(
            'button',
            {
              ...{ type: 'button', class: 'quiet' },
              'aria-label': `Try ${harmless(String(data), 80)} again`,
              onclick: () => void this.#orders.redrive(id),
            },
            'Try again',
          ),
        ]),
      ),
    );
    byId('nothing-delivered', HTMLElement).hidden = delivered.length > 0;
    arrange(
      this.#delivered,
      delivered.map((order) => this.#line(`done ${order.id}`, () => deliveredLine(order))),
    );
  }

  #sentence(left: number): string {
    if (left === 0) return this.#orders.offline ? 'Offline. Nothing waits.' : 'Nothing waits.';
    const waits = `${counted(left, 'order')} ${left === 1 ? 'waits' : 'wait'}`;
    return this.#orders.offline ? `Offline: ${waits} for the network.` : `${waits} to be sent.`;
  }

  /** The same element each time, so that the focus stays where it is. */
  #line(key: string, make: () => HTMLElement[]): HTMLElement {
    let line = this.#lines.get(key);
    if (line === undefined) this.#lines.set(key, (line = h('li', {}, ...make())));
    return line;
  }

  #box(name: Switch): HTMLInputElement {
    return byId(`orders-${name}`, HTMLInputElement);
  }
}

function deliveredLine({ what, receipt, at }: Delivered): HTMLElement[] {
  const note = receipt === undefined ? 'nobody was there to answer' : `greeter: ${receipt}`;
  return [
    h('time', { datetime: new Date(at).toISOString() }, clockTime(new Date(at))),
    h('span', { class: 'order-what' }, harmless(what, 80)),
    h('span', { class: 'order-note' }, harmless(note, 120)),
  ];
}
