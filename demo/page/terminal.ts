import { callback } from './arguments.js';

/** The command that calls the same in a terminal; undefined where a terminal cannot, for callbacks. */
export function commandOf(
  name: string,
  method: string,
  values: readonly unknown[],
): string | undefined {
  if (values.includes(callback)) return undefined;
  const words = values.map(wordOf);
  if (words.some((each) => each.startsWith('-'))) words.unshift('--');
  return ['npx', 'dservice', 'call', name, method, ...words].map(quote).join(' ');
}

/** As the command line reads it back. */
function wordOf(value: unknown): string {
  if (typeof value !== 'string') return JSON.stringify(value);
  try {
    JSON.parse(value);
    return JSON.stringify(value);
  } catch {
    return value;
  }
}

function quote(text: string): string {
  return /^[\w@%+=:,./^-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
