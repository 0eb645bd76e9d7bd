import { h } from './element.js';
import { clockTime } from './text.js';

const most = 200;

/** What happened, the newest first. */
export class Log {
  readonly #list: HTMLElement;

  constructor(list: HTMLElement) {
    this.#list = list;
  }

  add(text: string, kind: 'plain' | 'good' | 'bad' | 'call-in' = 'plain'): void {
    const now = new Date();
    const line = h(
      'li',
      { class: `log-line ${kind}` },
      h('time', { datetime: now.toISOString() }, clockTime(now)),
      h('span', {}, text),
    );
    this.#list.prepend(line);
    while (this.#list.children.length > most) this.#list.lastElementChild?.remove();
  }
}
