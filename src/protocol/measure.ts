import type { Limits } from '../limits.js';

/** Lines longer than this are measured before they are parsed. */
const longLine = 64 * 1024;

/** Of a message that is refused unparsed: why, the id under which its sender waits, and that of the call of ours which it would have answered. */
export interface TooMuch {
  readonly what: string;
  readonly reply: number;
  readonly outcome: number;
}

/** Whether a line is so long that it is measured before it is parsed. A value takes two characters at least, and so does a level of nesting. */
export function isLong({ length }: string, { nodes }: Pick<Limits, 'nodes'>): boolean {
  return length > longLine || length > 2 * nodes;
}

/** Whether a line keeps to the limits of depth and size: what is wrong if not. Those that are short are not looked at. */
export function measure(
  line: string,
  limits: Pick<Limits, 'depth' | 'nodes'>,
): TooMuch | undefined {
  if (!isLong(line, limits)) return undefined;
  const { depth, nodes } = limits;
  const found = scan(line);
  // The message and its arguments are two levels by themselves.
  if (found.depth <= depth + 2 && found.nodes <= nodes) return undefined;
  const what =
    found.nodes > nodes ? `has more than ${nodes} values` : `is nested deeper than ${depth}`;
  // What it answers stands at the beginning, and who asks at the end, where they are cheap to find.
  const outcome = /^\{"method":(\d{1,16}),/.exec(line.slice(0, 32))?.[1];
  const reply = /"reply":(\d{1,16})[^[\]]*$/.exec(line.slice(-1_024))?.[1];
  return { what, reply: Number(reply), outcome: Number(outcome) };
}

/**
 * Measures JSON text without parsing it, so that a hostile line is refused before it costs memory.
 * Text that is not JSON gives numbers that mean nothing: the parser will refuse it.
 */
export function scan(text: string): { depth: number; nodes: number } {
  let depth = 0;
  let deepest = 0;
  let nodes = 1;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === 34) {
      i = endOfString(text, i);
    } else if (c === 44) {
      nodes++;
    } else if (c === 91 || c === 123) {
      depth++;
      if (depth > deepest) deepest = depth;
      const next = text.charCodeAt(i + 1);
      if (next !== 93 && next !== 125) nodes++;
    } else if (c === 93 || c === 125) {
      depth--;
    }
  }
  return { depth: deepest, nodes };
}

/** The index of the quote that ends the string that begins at `start`. */
function endOfString(text: string, start: number): number {
  for (let at = start; ;) {
    at = text.indexOf('"', at + 1);
    if (at === -1) return text.length;
    let back = at - 1;
    while (text.charCodeAt(back) === 92) back--;
    if ((at - back) % 2 === 1) return at;
  }
}

/** Whether parsed JSON is nested no deeper than `depth`. Costs a tenth of what parsing did. */
export function isShallow(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return true;
  if (depth === 0) return false;
  if (Array.isArray(value)) {
    const items: unknown[] = value;
    for (let i = 0; i < items.length; i++) {
      const item = items[i];
      if (typeof item === 'object' && !isShallow(item, depth - 1)) return false;
    }
    return true;
  }
  // What was just parsed inherits nothing enumerable.
  for (const key in value) {
    const item = (value as Record<string, unknown>)[key];
    if (typeof item === 'object' && !isShallow(item, depth - 1)) return false;
  }
  return true;
}
