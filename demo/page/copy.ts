import { h, say } from './element.js';

/** A command for the terminal, with a button that copies it. `change` puts another in its place. */
export function commandLine(first = ''): { element: HTMLElement; change(text: string): void } {
  let command = first;
  const code = h('code', { tabindex: 0 }, command);
  const button = h(
    'button',
    { type: 'button', class: 'quiet copy', 'aria-label': 'Copy the command', onclick: copy },
    'Copy',
  );

  function copy(): void {
    // Where the clipboard is not ours, the text is selected: one key is left to press.
    Promise.resolve()
      .then(() => navigator.clipboard.writeText(command))
      .then(
        () => told('Copied'),
        () => {
          getSelection()?.selectAllChildren(code);
          told('Selected');
        },
      );
  }

  function told(what: string): void {
    say(button, what);
    setTimeout(() => say(button, 'Copy'), 1_500);
  }

  return {
    element: h('span', { class: 'command' }, code, button),
    change(text) {
      command = text;
      say(code, text);
    },
  };
}
