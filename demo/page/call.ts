import { options } from 'dservice';
import { callback } from './arguments.js';
import { CallbackLog } from './callback-log.js';
import { fill, h, say } from './element.js';
import { type Fault, faultOf, hintFor } from './errors.js';
import { duration, harmless } from './text.js';
import { entriesView, inline, valueView } from './value-view.js';

export interface CallOptions {
  /** The method, as people read it. */
  readonly label: string;
  readonly target: (...args: unknown[]) => Promise<unknown>;
  readonly values: readonly unknown[];
  /** Milliseconds until it is given up. */
  readonly deadline: number;
  onEnd(what: { readonly good: boolean; readonly text: string; readonly call: string }): void;
  onCalledBack(text: string): void;
}

/** One call, and what became of it. */
export class Call {
  readonly element: HTMLElement;
  readonly #options: CallOptions;
  readonly #state = h('span', { class: 'call-state waiting' });
  readonly #outcome = h('div', { class: 'outcome' });
  readonly #abort = new AbortController();
  readonly #cancel = h(
    'button',
    { type: 'button', class: 'quiet', onclick: () => this.#abort.abort() },
    'Cancel',
  );
  readonly #text: string;
  #over = false;

  constructor(call: CallOptions) {
    this.#options = call;
    const args = call.values.map((value) => (value === callback ? 'callback' : inline(value, 40)));
    this.#text = `${harmless(call.label, 60)}(${args.join(', ')})`;
    this.element = h(
      'article',
      { class: 'call', 'aria-label': this.#text },
      h('header', {}, h('code', { class: 'call-text' }, this.#text), this.#state, this.#cancel),
      this.#outcome,
    );
  }

  async make(): Promise<void> {
    const { target, values, deadline, onCalledBack } = this.#options;
    const logs: CallbackLog[] = [];
    const args = values.map((value) => {
      if (value !== callback) return value;
      const log = new CallbackLog(logs.length + 1, onCalledBack);
      logs.push(log);
      return log.fn;
    });
    this.element.append(...logs.map(({ element }) => element));
    const began = performance.now();
    const passed = (): number => performance.now() - began;
    const tick = (): void =>
      say(this.#state, `waiting, ${seconds(passed())} of ${seconds(deadline)}`);
    tick();
    const timer = setInterval(tick, 100);
    try {
      const { signal } = this.#abort;
      const value = await options(target, { deadline, signal })(...args);
      this.#answered(value, passed());
    } catch (error) {
      this.#failed(error, passed());
    } finally {
      clearInterval(timer);
      this.#over = true;
      this.#cancel.remove();
    }
  }

  get over(): boolean {
    return this.#over;
  }

  #answered(value: unknown, ms: number): void {
    this.#settle('good', `answered in ${duration(ms)}`);
    if (value === undefined) {
      fill(this.#outcome, h('span', { class: 'value-note' }, 'It answered, without a value.'));
    } else fill(this.#outcome, valueView(value));
    const text = value === undefined ? 'nothing' : inline(value, 120);
    this.#options.onEnd({ good: true, text, call: this.#text });
  }

  #failed(error: unknown, ms: number): void {
    this.#settle('bad', `failed after ${duration(ms)}`);
    const fault = faultOf(error);
    fill(this.#outcome, fault === undefined ? valueView(error) : faultView(fault));
    const text =
      fault === undefined
        ? inline(error, 120)
        : harmless(`${fault.code ?? fault.name}: ${fault.message}`, 120);
    this.#options.onEnd({ good: false, text, call: this.#text });
  }

  #settle(kind: string, text: string): void {
    this.#state.className = `call-state ${kind}`;
    say(this.#state, text);
  }
}

function faultView(fault: Fault): HTMLElement {
  const hint = hintFor(fault);
  const rest = Object.keys(fault.rest).length === 0 ? undefined : entriesView(fault.rest);
  return h(
    'div',
    { class: 'fault' },
    h(
      'p',
      { class: 'fault-message' },
      h('code', { class: 'fault-code' }, harmless(fault.code ?? fault.name, 60)),
      ' ',
      harmless(fault.message, 2_000),
    ),
    hint === undefined ? undefined : h('p', { class: 'hint' }, hint),
    rest,
  );
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
