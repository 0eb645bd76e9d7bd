import type { Discovery } from 'dservice';
import { fill, h, say } from './element.js';
import { harmless } from './text.js';

export type RendezvousNews = 'connected' | 'lost';

export interface RendezvousStateOptions {
  readonly discovery: Discovery;
  readonly badge: HTMLElement;
  readonly notice: HTMLElement;
  onNews(news: RendezvousNews): void;
}

/** How the tab and its rendezvous are doing. */
export class RendezvousState {
  readonly #options: RendezvousStateOptions;
  #state: 'connecting' | 'connected' | 'lost' = 'connecting';

  constructor(options: RendezvousStateOptions) {
    this.#options = options;
    const { discovery } = options;
    discovery.onDegraded((reason) => {
      if (reason === undefined) this.#become('connected');
      else this.#become('lost', reason.message);
    });
    this.#show();
    void this.#begin();
  }

  get state(): 'connecting' | 'connected' | 'lost' {
    return this.#state;
  }

  /** Whoever is asked and answers is there. */
  async #begin(): Promise<void> {
    const { discovery } = this.#options;
    try {
      await discovery.match?.('*', ['1.0.0']);
    } catch {
      // What is wrong is told by `degraded`.
    }
    if (discovery.degraded === undefined) this.#become('connected');
  }

  #become(state: 'connected' | 'lost', why?: string): void {
    const changed = this.#state !== state;
    this.#state = state;
    this.#show(why);
    if (changed) this.#options.onNews(state);
  }

  #show(why = ''): void {
    const { badge, notice } = this.#options;
    const words = { connecting: 'Connecting…', connected: 'Connected', lost: 'Reconnecting…' };
    badge.className = `air ${this.#state}`;
    if (badge.textContent !== words[this.#state]) {
      fill(badge, h('span', { class: 'dot', 'aria-hidden': 'true' }), words[this.#state]);
    }
    badge.title = why;
    notice.hidden = this.#state !== 'lost';
    if (notice.hidden) return fill(notice);
    const text =
      'The rendezvous does not answer. Direct connections go on, and so does what is known; who comes and goes is not seen until it is back.';
    if (notice.firstChild?.textContent !== text) {
      fill(notice, h('span', {}, text), h('span', { class: 'why' }));
    }
    const reason = notice.querySelector('.why');
    if (reason !== null) say(reason, harmless(why, 300));
  }
}
