import type { Limits } from '../limits.js';
import { isPlain } from './plain.js';

/** Values, and characters of a text, up to which this is quicker than the engine's JSON. */
const fewValues = 4;
const fewCharacters = 40;

const thousands = Array.from({ length: 1_000 }, (_, i) => String(i).padStart(3, '0'));

/**
 * Numbers as text that mostly come in order, as ids do. The engine would keep a string of each (a template), or be
 * called for it (JSON): both cost more than putting two strings together.
 */
export class Digits {
  #high = 0;
  #text = '';

  /** Of a whole number, from 0. */
  of(id: number): string {
    if (id < 1_000) return String(id);
    const high = Math.floor(id / 1_000);
    if (high !== this.#high) {
      this.#high = high;
      this.#text = String(high);
    }
    return `${this.#text}${thousands[id - high * 1_000] ?? ''}`;
  }
}

/** The JSON of arguments where it alone says all of them, else undefined. */
export function plainJson(
  args: readonly unknown[],
  limits: Pick<Limits, 'depth' | 'nodes'>,
): string | undefined {
  return quickJson(args) ?? (isPlain(args, limits) ? JSON.stringify(args) : undefined);
}

/** The JSON of a short list of short values, where nothing in them has to be escaped; else undefined. */
export function quickJson(values: readonly unknown[]): string | undefined {
  if (values.length > fewValues) return undefined;
  let json = '';
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (i > 0) json += ',';
    if (typeof value === 'string' && isShort(value)) json += `"${value}"`;
    else if (value === null) json += 'null';
    else if (typeof value === 'boolean') json += value ? 'true' : 'false';
    else return undefined;
  }
  return `[${json}]`;
}

/** Whether a text stands in JSON as it is: short, in ASCII, without quotes and control characters. */
function isShort(text: string): boolean {
  if (text.length > fewCharacters) return false;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 32 || code > 126 || code === 34 || code === 92) return false;
  }
  return true;
}
