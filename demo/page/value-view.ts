import { h, type Child } from './element.js';
import { faultOf } from './errors.js';
import { counted, harmless } from './text.js';

/** So much is shown of a text, of a list, and of bytes, until more is asked for. */
const page = { text: 2_000, items: 50, bytes: 64 };
/** So deep it is open from the beginning, where it is not large. */
const open = { depth: 2, items: 12 };

/** Any value that can come from a service, as people read it. What is inside of it is made when it is opened. */
export function valueView(value: unknown, depth = 0): HTMLElement {
  if (typeof value === 'string') return depth === 0 ? wholeText(value) : quotedText(value);
  if (typeof value !== 'object' || value === null) return leaf(typeof value, wordOf(value));
  if (value instanceof Date) return dateView(value);
  if (value instanceof URL || value instanceof RegExp) {
    const kind = value instanceof URL ? 'URL' : 'RegExp';
    return h('span', {}, leaf('string', harmless(String(value), 500)), note(kind));
  }
  if (value instanceof ArrayBuffer) return bytesView(new Uint8Array(value), 'ArrayBuffer');
  if (ArrayBuffer.isView(value)) {
    const { buffer, byteOffset, byteLength } = value;
    return bytesView(new Uint8Array(buffer, byteOffset, byteLength), value.constructor.name);
  }
  return containerView(value, depth);
}

function leaf(kind: string, text: string): HTMLElement {
  return h('span', { class: `value ${kind}` }, text);
}

function note(text: string): HTMLElement {
  return h('span', { class: 'value-note' }, text);
}

function wordOf(value: unknown): string {
  if (Object.is(value, -0)) return '-0';
  if (typeof value === 'bigint') return `${harmless(String(value), 500)}n`;
  if (typeof value === 'function') return 'function';
  return harmless(String(value), 500);
}

/** A text that is the outcome itself: as it is, lines and all. */
function wholeText(text: string): HTMLElement {
  if (text === '') return note('an empty text');
  const block = h('pre', { class: 'value text' });
  return growing(block, text.length, page.text, 'character', (from, to) => {
    const piece = harmless(text.slice(from, to), Infinity);
    block.append(piece);
  });
}

function quotedText(text: string): HTMLElement {
  if (text.length <= page.text) return leaf('string', `"${harmless(text, Infinity)}"`);
  return h('details', {}, h('summary', {}, `"${harmless(text, 80)}"`), wholeText(text));
}

function dateView(date: Date): HTMLElement {
  if (Number.isNaN(date.getTime())) return leaf('date', 'Invalid Date');
  const iso = date.toISOString();
  const here = date.toLocaleString('en-GB', { dateStyle: 'medium', timeStyle: 'medium' });
  return h('span', {}, h('time', { datetime: iso, class: 'value date' }, here), note(iso));
}

function bytesView(bytes: Uint8Array, kind: string): HTMLElement {
  const hex = Array.from(bytes.subarray(0, page.bytes), (byte) =>
    byte.toString(16).padStart(2, '0'),
  ).join(' ');
  const more = bytes.length > page.bytes ? ' …' : '';
  return h(
    'span',
    {},
    h('span', { class: 'value bytes' }, hex + more),
    note(`${kind}, ${counted(bytes.length, 'byte')}`),
  );
}

/** What holds others: what it is called, and its entries. */
function containerView(value: object, depth: number): HTMLElement {
  const { title, count, entry } = contents(value);
  if (count === 0) return note(title);
  const body = h('div', { class: 'entries' });
  const details = h('details', { class: 'container' }, h('summary', {}, title), body);
  let made = false;
  const make = (): void => {
    if (made) return;
    made = true;
    body.append(entryList(count, entry, depth + 1));
  };
  details.addEventListener('toggle', () => {
    if (details.open) make();
  });
  if (depth === 0 || (depth < open.depth && count <= open.items)) {
    details.open = true;
    make();
  }
  return details;
}

/** What an object has, without a word about the object. */
export function entriesView(value: object): HTMLElement {
  const { count, entry } = contents(value);
  return h('div', { class: 'entries' }, entryList(count, entry, 1));
}

function entryList(count: number, entry: Contents['entry'], depth: number): HTMLElement {
  const list = h('dl', {});
  return growing(list, count, page.items, 'entry', (from, to) => {
    for (let at = from; at < to; at++) {
      const [key, item] = entry(at);
      list.append(h('div', {}, h('dt', {}, key), h('dd', {}, valueView(item, depth))));
    }
  });
}

interface Contents {
  readonly title: string;
  readonly count: number;
  entry(at: number): readonly [key: Child, value: unknown];
}

function contents(value: object): Contents {
  if (Array.isArray(value)) {
    return list(`list of ${value.length.toLocaleString('en')}`, value);
  }
  if (value instanceof Set) return list(`Set of ${value.size.toLocaleString('en')}`, [...value]);
  if (value instanceof Map) {
    const pairs: [unknown, unknown][] = [...value];
    return {
      title: `Map of ${pairs.length.toLocaleString('en')}`,
      count: pairs.length,
      entry(at) {
        const [key, item] = pairs[at] ?? [];
        return [valueView(key, 1), item];
      },
    };
  }
  const fault = faultOf(value);
  if (fault !== undefined) {
    const { name, message, code, rest } = fault;
    return fields(harmless(name, 60), {
      message,
      ...(code === undefined ? {} : { code }),
      ...rest,
    });
  }
  return fields('object', value);
}

function list(title: string, items: readonly unknown[]): Contents {
  return { title, count: items.length, entry: (at) => [String(at), items[at]] };
}

function fields(title: string, value: object): Contents {
  const entries = Object.entries(value) as [string, unknown][];
  return {
    title: entries.length === 0 ? 'an empty object' : title,
    count: entries.length,
    entry(at) {
      const [key = '', item] = entries[at] ?? [];
      return [harmless(key, 100), item];
    },
  };
}

/** Shows the first of many, and the next ones on demand. */
function growing(
  inside: HTMLElement,
  count: number,
  step: number,
  noun: string,
  show: (from: number, to: number) => void,
): HTMLElement {
  let shown = Math.min(step, count);
  show(0, shown);
  if (shown === count) return inside;
  const button = h('button', { type: 'button', class: 'quiet more', onclick: more }, '');
  const tell = (): void => {
    const left = count - shown;
    const plural = noun === 'entry' ? 'entries' : `${noun}s`;
    const next = Math.min(left, shown * 4);
    button.textContent = `Show ${next.toLocaleString('en')} more of ${count.toLocaleString('en')} ${plural}`;
  };
  tell();
  function more(): void {
    const next = Math.min(count, shown * 5);
    show(shown, next);
    shown = next;
    if (shown === count) button.remove();
    else tell();
  }
  return h('div', {}, inside, button);
}

/** A value in a few words, for a line. */
export function inline(value: unknown, most = 80): string {
  if (typeof value === 'string') return `"${harmless(value, most)}"`;
  if (typeof value !== 'object' || value === null) return wordOf(value);
  if (value instanceof Date) {
    return Number.isNaN(value.getTime()) ? 'Invalid Date' : value.toISOString();
  }
  if (value instanceof URL || value instanceof RegExp) return harmless(String(value), most);
  if (ArrayBuffer.isView(value)) return counted(value.byteLength, 'byte');
  const fault = faultOf(value);
  if (fault !== undefined) return harmless(`${fault.name}: ${fault.message}`, most);
  return jsonOf(value, most);
}

function jsonOf(value: object, most: number): string {
  const { title } = contents(value);
  if (value instanceof Map || value instanceof Set || Object.keys(value).length > 20) return title;
  try {
    const text: unknown = JSON.stringify(value);
    return typeof text === 'string' ? harmless(text, most) : title;
  } catch {
    return title;
  }
}
