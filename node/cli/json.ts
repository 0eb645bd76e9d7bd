/**
 * Any value that can come from a service, as JSON. What JSON has no word for is put as it is read
 * best: dates, URLs and regular expressions as strings, bytes in base64, bigints as their digits, maps
 * as objects (as pairs, if a key is no string), sets as arrays, NaN and Infinity as strings, functions
 * as `"[function name]"`, what holds itself as `"[circular]"`.
 *
 * `indent`: spaces for each level; 0 for one line.
 */
export function toJsonText(value: unknown, indent = 0): string {
  return write(value, { indent, depth: 0, inside: new Set() }) ?? 'null';
}

/** For people: strings as they are, nothing for undefined, everything else as JSON over several lines. */
export function toText(value: unknown): string {
  if (typeof value === 'string') return value;
  return value === undefined ? '' : toJsonText(value, 2);
}

interface At {
  readonly indent: number;
  readonly depth: number;
  /** The objects around this one. */
  readonly inside: Set<object>;
}

/** Undefined for undefined, which objects leave out. */
function write(value: unknown, at: At): string | undefined {
  switch (typeof value) {
    case 'undefined':
      return undefined;
    case 'number':
      if (Object.is(value, -0)) return '-0';
      return Number.isFinite(value) ? String(value) : JSON.stringify(String(value));
    case 'bigint':
      return String(value);
    case 'function':
      return JSON.stringify(`[function${value.name === '' ? '' : ` ${value.name}`}]`);
    case 'symbol':
      return JSON.stringify(String(value));
    case 'object':
      return value === null ? 'null' : writeObject(value, at);
    default:
      return JSON.stringify(value);
  }
}

function writeObject(value: object, at: At): string {
  const leaf = leafText(value);
  if (leaf !== undefined) return JSON.stringify(leaf);
  if (at.inside.has(value)) return '"[circular]"';
  at.inside.add(value);
  const inner = { ...at, depth: at.depth + 1 };
  const list = listOf(value);
  const text =
    list === undefined
      ? brackets('{}', entriesText(value, inner), at)
      : brackets(
          '[]',
          Array.from(list, (item) => write(item, inner) ?? 'null'),
          at,
        );
  at.inside.delete(value);
  return text;
}

/** What is one word. */
function leafText(value: object): string | undefined {
  if (value instanceof Date)
    return Number.isNaN(value.getTime()) ? 'Invalid Date' : value.toISOString();
  if (value instanceof URL || value instanceof RegExp) return String(value);
  if (value instanceof ArrayBuffer) return Buffer.from(value).toString('base64');
  if (!ArrayBuffer.isView(value)) return undefined;
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64');
}

function listOf(value: object): Iterable<unknown> | undefined {
  if (isList(value)) return value;
  return value instanceof Map && !hasOnlyWords(value) ? value : undefined;
}

function isList(value: object): value is Iterable<unknown> {
  return Array.isArray(value) || value instanceof Set;
}

function hasOnlyWords(map: ReadonlyMap<unknown, unknown>): map is ReadonlyMap<string, unknown> {
  return [...map.keys()].every((key) => typeof key === 'string');
}

function entriesText(value: object, at: At): string[] {
  const space = at.indent === 0 ? '' : ' ';
  return [...entriesOf(value)].flatMap(([key, item]) => {
    const text = write(item, at);
    return text === undefined ? [] : [`${JSON.stringify(key)}:${space}${text}`];
  });
}

function entriesOf(value: object): Iterable<[string, unknown]> {
  if (isWordMap(value)) return value;
  if (!(value instanceof Error)) return Object.entries(value);
  const { name, message, cause } = value;
  const errors: unknown = value instanceof AggregateError ? value.errors : undefined;
  return Object.entries(Object.assign({ name, message }, value, { cause, errors }));
}

function isWordMap(value: object): value is Map<string, unknown> {
  return value instanceof Map && hasOnlyWords(value);
}

function brackets([open = '', close = '']: string, items: readonly string[], at: At): string {
  if (items.length === 0) return open + close;
  if (at.indent === 0) return open + items.join(',') + close;
  const margin = ' '.repeat(at.indent * at.depth);
  const inner = margin + ' '.repeat(at.indent);
  return `${open}\n${items.map((item) => inner + item).join(',\n')}\n${margin}${close}`;
}
