import { UsageError } from './usage-error.js';

/** What an argument of the command line stands for: the JSON that it is, or else the string itself. */
export function readArgument(text: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return text;
  }
  if (typeof value === 'number' && !Number.isSafeInteger(value) && /^-?\d+$/.test(text.trim())) {
    const how = `give it as a string: --string, or '"${text.trim()}"'`;
    throw new UsageError(`${text} has more digits than a number keeps; ${how}`);
  }
  return value;
}
