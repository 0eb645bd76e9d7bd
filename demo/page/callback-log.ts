import { h, say } from './element.js';
import { clockTime, counted } from './text.js';
import { inline } from './value-view.js';

const most = 20;

/** A function that is passed to a service, and how it is called there. */
export class CallbackLog {
  readonly element: HTMLElement;
  readonly #heading: HTMLElement;
  readonly #list = h('ol', { class: 'callback-calls', tabindex: 0 });
  readonly #name: string;
  readonly #onCalled: (text: string) => void;
  #count = 0;

  constructor(number: number, onCalled: (text: string) => void) {
    this.#onCalled = onCalled;
    this.#name = number === 1 ? 'callback' : `callback ${number}`;
    this.#heading = h('p', { class: 'callback-title' }, `${this.#name}: not called yet`);
    this.element = h('section', { class: 'callback-log' }, this.#heading, this.#list);
    this.#list.setAttribute('aria-label', `Calls of ${this.#name}`);
  }

  /** What the service gets. */
  readonly fn = (...args: unknown[]): void => {
    this.#count++;
    const text = args.map((arg) => inline(arg)).join(', ');
    say(this.#heading, `${this.#name}: called ${counted(this.#count, 'time')}`);
    this.#list.prepend(
      h('li', {}, h('time', {}, clockTime(new Date())), h('code', {}, text || 'no arguments')),
    );
    while (this.#list.children.length > most) this.#list.lastElementChild?.remove();
    // Once is news; how often, the eyes can see.
    if (this.#count === 1) this.#onCalled(text);
  };
}
