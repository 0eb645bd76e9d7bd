import { namePattern, rename } from './own-name.js';
import { h } from './element.js';

/** Gives the tab another name. */
export function openNameDialog(name: string): void {
  const input = h('input', {
    ...{ type: 'text', id: 'new-name', value: name, required: true, maxlength: 63 },
    ...{ pattern: namePattern, autocomplete: 'off', autocapitalize: 'off', spellcheck: 'false' },
    ...{ 'aria-describedby': 'new-name-rule', autofocus: true },
  });
  const dialog = h(
    'dialog',
    { 'aria-labelledby': 'new-name-title', onclose: () => dialog.remove() },
    h(
      'form',
      {
        method: 'dialog',
        onsubmit(event) {
          event.preventDefault();
          rename(input.value);
        },
      },
      h('h2', { id: 'new-name-title' }, 'Another name for this tab'),
      h('label', { for: 'new-name' }, 'Name'),
      input,
      h(
        'p',
        { class: 'hint', id: 'new-name-rule' },
        'Lower-case letters, digits, “-” and “.”. The tab begins anew under it.',
      ),
      h(
        'div',
        { class: 'buttons' },
        h('button', { type: 'button', class: 'quiet', onclick: () => dialog.close() }, 'Cancel'),
        h('button', { type: 'submit', class: 'primary' }, 'Use this name'),
      ),
    ),
  );
  document.body.append(dialog);
  dialog.showModal();
  input.select();
}
