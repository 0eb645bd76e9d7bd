import { h } from './element.js';
import { harmless } from './text.js';

/** Milliseconds that one is there. */
const stay = 12_000;
const most = 4;

/** Messages from others. */
export class Toasts {
  readonly #element: HTMLElement;

  constructor(element: HTMLElement) {
    this.#element = element;
  }

  /** A message, and who sent it. */
  show(text: string, from: string): void {
    const toast = new Toast(from, h('p', { class: 'toast-text' }, harmless(text, 500)));
    toast.closeAfter(stay);
    this.#add(toast);
  }

  /** A question; what is answered, or undefined where the person would rather not, or `signal` has fired. */
  ask(question: string, from: string, signal: AbortSignal): Promise<string | undefined> {
    return new Promise((resolve) => {
      const input = h('input', { type: 'text', autocomplete: 'off', 'aria-label': 'Your answer' });
      const form = h(
        'form',
        {
          onsubmit(event) {
            event.preventDefault();
            resolve(input.value);
            toast.close();
          },
        },
        input,
        h('button', { type: 'submit', class: 'primary' }, 'Answer'),
      );
      const toast = new Toast(from, h('p', { class: 'toast-text' }, harmless(question, 500)), form);
      toast.onClose(() => resolve(undefined));
      signal.addEventListener('abort', () => toast.close());
      this.#add(toast);
    });
  }

  #add(toast: Toast): void {
    this.#element.append(toast.element);
    while (this.#element.children.length > most) {
      const oldest = this.#element.firstElementChild;
      oldest?.dispatchEvent(new Event('dismiss'));
      oldest?.remove();
    }
  }
}

class Toast {
  readonly element: HTMLElement;
  #closed: (() => void) | undefined;

  constructor(from: string, ...content: readonly HTMLElement[]) {
    const close = h(
      'button',
      {
        type: 'button',
        class: 'quiet close',
        'aria-label': 'Dismiss',
        onclick: () => this.close(),
      },
      '×',
    );
    this.element = h(
      'div',
      {
        ...{ class: 'toast', role: 'group', 'aria-label': 'Message' },
        ondismiss: () => this.#closed?.(),
        onkeydown: (event) => {
          if (event instanceof KeyboardEvent && event.key === 'Escape') this.close();
        },
      },
      h('p', { class: 'toast-from' }, harmless(from, 120)),
      ...content,
      close,
    );
  }

  /** Not while somebody reads or holds it. */
  closeAfter(ms: number): void {
    setTimeout(() => {
      if (this.element.matches(':hover, :focus-within')) this.closeAfter(2_000);
      else this.close();
    }, ms);
  }

  onClose(listener: () => void): void {
    this.#closed = listener;
  }

  close(): void {
    this.element.remove();
    this.#closed?.();
  }
}
