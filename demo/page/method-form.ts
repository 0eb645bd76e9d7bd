import type { MethodInfo } from 'dservice';
import { ArgumentError, readArguments } from './arguments.js';
import { Call } from './call.js';
import { commandLine } from './copy.js';
import { h, say } from './element.js';
import { functionAt, type Method } from './methods.js';
import { commandOf } from './terminal.js';
import { harmless } from './text.js';

/** Calls that are shown of one method. */
const most = 5;

export interface MethodFormOptions {
  readonly method: Method;
  /** What the service says of it. */
  readonly about: MethodInfo | undefined;
  /** The name of the service. */
  readonly name: string;
  /** Tells apart what has an id in the page. */
  readonly key: string;
  /** The api of the service, while it is connected. */
  remote(): object | undefined;
  deadline(): number;
  tell(text: string, kind: 'good' | 'bad' | 'plain'): void;
}

/** A method, what to call it with, and what came of it. */
export class MethodForm {
  readonly element: HTMLElement;
  readonly #options: MethodFormOptions;
  readonly #input: HTMLInputElement;
  readonly #problem: HTMLElement;
  readonly #command = commandLine();
  readonly #terminal: HTMLElement;
  readonly #calls = h('div', { class: 'calls' });

  constructor(options: MethodFormOptions) {
    this.#options = options;
    const { method, about, key } = options;
    const label = harmless(method.label, 80);
    const id = `arguments-${key}`;
    this.#problem = h('p', { class: 'problem', id: `${id}-problem`, hidden: true });
    this.#input = h('input', {
      ...{ id, type: 'text', autocomplete: 'off', autocapitalize: 'off', spellcheck: 'false' },
      ...{ 'aria-describedby': `${id}-problem how-to-write`, placeholder: placeholderOf(about) },
      oninput: () => this.#read(),
    });
    this.#terminal = h(
      'p',
      { class: 'terminal' },
      h('span', {}, 'In a terminal'),
      this.#command.element,
    );
    this.element = h(
      'section',
      { class: 'method', 'aria-label': label },
      h(
        'form',
        {
          onsubmit: (event) => {
            event.preventDefault();
            this.#call();
          },
        },
        h('label', { for: id, title: harmless(about?.summary ?? '', 200) }, h('code', {}, label)),
        this.#input,
        h(
          'button',
          { type: 'button', class: 'quiet bare', onclick: () => this.#addCallback() },
          'Add callback',
        ),
        h('button', { type: 'submit', class: 'primary' }, 'Call'),
      ),
      this.#problem,
      this.#terminal,
      this.#calls,
    );
    this.#read();
  }

  /** The arguments; undefined where they cannot be read, and then it is said why. */
  #read(): unknown[] | undefined {
    const { name, method } = this.#options;
    try {
      const values = readArguments(this.#input.value);
      const command = commandOf(name, method.label, values);
      this.#terminal.hidden = command === undefined;
      this.#command.change(command ?? '');
      this.#complain(undefined);
      return values;
    } catch (error) {
      if (!(error instanceof ArgumentError)) throw error;
      this.#terminal.hidden = true;
      return undefined;
    }
  }

  #complain(text: string | undefined): void {
    this.#problem.hidden = text === undefined;
    say(this.#problem, text ?? '');
    if (text === undefined) this.#input.removeAttribute('aria-invalid');
    else this.#input.setAttribute('aria-invalid', 'true');
  }

  #addCallback(): void {
    this.#input.value = `${this.#input.value.trimEnd()} callback`.trimStart();
    this.#read();
    this.#input.focus();
  }

  #call(): void {
    let values: unknown[];
    try {
      values = readArguments(this.#input.value);
    } catch (error) {
      if (!(error instanceof ArgumentError)) throw error;
      this.#complain(error.message);
      this.#options.tell(error.message, 'plain');
      return this.#input.focus();
    }
    const { method, tell, remote, deadline } = this.#options;
    const api = remote();
    const target = api === undefined ? undefined : functionAt(api, method.path);
    if (target === undefined) {
      const why =
        api === undefined ? 'This tab is not connected to it.' : 'It does not have it any more.';
      return this.#complain(why);
    }
    const call = new Call({
      ...{ label: method.label, target, values, deadline: deadline() },
      onEnd: ({ good, text, call: made }) =>
        tell(`${made} ${good ? 'answered' : 'failed'}: ${text}`, good ? 'good' : 'bad'),
      onCalledBack: (text) => tell(`${method.label} called the callback: ${text}`, 'plain'),
    });
    this.#calls.prepend(call.element);
    while (this.#calls.children.length > most) this.#calls.lastElementChild?.remove();
    void call.make();
  }
}

/** What goes into the field, where the service says so. */
function placeholderOf(about: MethodInfo | undefined): string {
  const { params } = about ?? {};
  if (params === undefined) return 'arguments, if any';
  return params.length === 0 ? 'no arguments' : harmless(params.join(', '), 80);
}
