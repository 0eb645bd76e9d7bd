import type { AnyFunction } from './encode.js';

/** Characters of a source that are looked at, and parameters that are told. */
const longest = 2_000;
const most = 32;

/** What stands before the parameters: of functions, methods and arrows, plainly written. */
const before = /^(?:async\s*)?(?:function\s*)?\*?\s*(?:[\p{ID_Continue}$]+\s*)?\(/u;
const arrow = /^(?:async\s+)?([\p{ID_Continue}$]+)\s*=>/u;
const native = /\{\s*\[native code\]\s*\}\s*$/;
const parts = /\/\*[^]*?\*\/|\/\/.*|'(?:\\[^]|[^'\\])*'|"(?:\\[^]|[^"\\])*"|[^]/y;
const parameter = /^((?:\.\.\.)?\s*(?:[\p{ID_Continue}$]{1,64}|\{\}|\[\]))\s*(=[^]*)?$/u;

/**
 * The parameters of a function, as its source has them: `b?` has a default, `...c` takes the rest, `{}`
 * and `[]` are taken apart. Undefined where that is not plain to see, as of a bound function. Never throws.
 */
export function parametersOf(fn: AnyFunction): readonly string[] | undefined {
  const source = sourceOf(fn);
  const single = arrow.exec(source)?.[1];
  if (single !== undefined) return [single];
  const start = before.exec(source)?.[0].length;
  return start === undefined || native.test(source)
    ? undefined
    : list(source.slice(0, longest), start);
}

function sourceOf(fn: AnyFunction): string {
  try {
    // Not the function's own `toString`, which may be anything.
    return Function.prototype.toString.call(fn);
  } catch {
    return '';
  }
}

/** Reads up to the bracket that closes the list. */
function list(source: string, start: number): readonly string[] | undefined {
  const found: string[] = [];
  let depth = 0;
  /** The parameter, without what is inside of brackets. */
  let text = '';
  parts.lastIndex = start;
  for (;;) {
    const part = parts.exec(source)?.[0];
    // What a template or a regular expression hides is not worth being read here.
    if (part === undefined || part === '`' || part === '/' || found.length > most) return undefined;
    if (depth === 0 && (part === ',' || part === ')')) {
      const [, name, byDefault] = parameter.exec(text.trim()) ?? [];
      if (name !== undefined) found.push(byDefault === undefined ? name : `${name}?`);
      // After the last one there may be a comma.
      else if (part === ',' || text.trim() !== '') return undefined;
      if (part === ')') return found;
      text = '';
      continue;
    }
    if (/^[)\]}]/.test(part)) depth--;
    if (depth === 0 && !part.startsWith('/')) text += part;
    if (/^[([{]/.test(part)) depth++;
  }
}
