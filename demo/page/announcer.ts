import { say } from './element.js';

/** Tells those who hear the page what others see, one after the other. */
export class Announcer {
  readonly #element: HTMLElement;
  readonly #waiting: string[] = [];
  #speaking = false;

  constructor(element: HTMLElement) {
    this.#element = element;
  }

  tell(text: string): void {
    // Who is slow to listen is told the latest.
    if (this.#waiting.length > 4) this.#waiting.shift();
    this.#waiting.push(text);
    if (!this.#speaking) this.#next();
  }

  #next(): void {
    const text = this.#waiting.shift();
    this.#speaking = text !== undefined;
    if (text === undefined) return;
    // The same words again are news only if they were gone between.
    say(this.#element, '');
    setTimeout(() => say(this.#element, text), 50);
    setTimeout(() => this.#next(), 700);
  }
}
