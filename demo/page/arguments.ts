/** Stands for a function of the page's, which logs how it is called. */
export const callback = Symbol('callback');

/** What was typed cannot be read; the message says why, for people. */
export class ArgumentError extends Error {}

const word = /\S+/y;

/**
 * Arguments as one types them in a terminal: words, numbers, JSON, quoted strings, and the word
 * `callback` for a function. Throws ArgumentError.
 */
export function readArguments(text: string): unknown[] {
  const values: unknown[] = [];
  let at = 0;
  const take = (end: number): string => {
    const taken = text.slice(at, end);
    at = end;
    return taken;
  };
  for (;;) {
    while (at < text.length && /\s/.test(text.charAt(at))) at++;
    if (at >= text.length) return values;
    const first = text.charAt(at);
    if (first === "'") {
      const end = text.indexOf("'", at + 1);
      if (end === -1) throw new ArgumentError("A quote (') is opened and never closed.");
      values.push(readWord(take(end + 1).slice(1, -1)));
    } else if (first === '"' || first === '{' || first === '[') {
      values.push(readJson(take(endOfJson(text, at))));
    } else {
      word.lastIndex = at;
      const bare = word.exec(text)?.[0] ?? '';
      take(at + bare.length);
      values.push(bare === 'callback' ? callback : readWord(bare));
    }
  }
}

/** The JSON that it is, or else the string itself. */
function readWord(text: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return text;
  }
  if (typeof value === 'number' && !Number.isSafeInteger(value) && /^-?\d+$/.test(text.trim())) {
    throw new ArgumentError(
      `${text} has more digits than a number keeps. Put it in quotes: "${text.trim()}"`,
    );
  }
  return value;
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new ArgumentError(`${text.slice(0, 40)} is not quite JSON: ${why}`, { cause });
  }
}

/** Where the string, object or array that begins there ends. */
function endOfJson(text: string, start: number): number {
  let depth = 0;
  let quoted = false;
  for (let at = start; at < text.length; at++) {
    const char = text.charAt(at);
    if (quoted) {
      if (char === '\\') at++;
      else if (char === '"') quoted = false;
    } else if (char === '"') quoted = true;
    else if (char === '{' || char === '[') depth++;
    else if (char === '}' || char === ']') depth--;
    if (!quoted && depth <= 0) return at + 1;
  }
  const what = quoted ? 'A quote (")' : `A bracket (${text.charAt(start)})`;
  throw new ArgumentError(`${what} is opened and never closed.`);
}
