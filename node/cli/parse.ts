import { parseArgs, type ParseArgsConfig } from 'node:util';
import { longestTimer } from '../../src/clock.js';
import type { Reach } from '../../src/service/service-options.js';
import { UsageError } from './usage-error.js';

type Options = NonNullable<ParseArgsConfig['options']>;

interface Parsed<T extends Options> {
  readonly values: ReturnType<typeof parseArgs<{ options: T }>>['values'];
  readonly positionals: readonly string[];
}

// No argument of a process holds a NUL, so it marks those that parseArgs must not take for options.
const mark = '\0';

/**
 * Takes the arguments of a command apart. What begins with `-` and a digit is a value (`-1`), and so
 * is all behind `--`. Throws a UsageError for unknown options, and for values missing or too many.
 */
export function parse<const T extends Options>(args: readonly string[], options: T): Parsed<T> {
  const marked = args.map((arg) => (/^-\.?\d/.test(arg) ? mark + arg : arg));
  try {
    const { values, positionals } = parseArgs({ args: marked, options, allowPositionals: true });
    return { values, positionals: positionals.map(unmark) };
  } catch (cause) {
    throw new UsageError(wordsOf(cause), { cause });
  }
}

/** What Node says, but for how to write an option's name as an argument, which it says in its own way. */
function wordsOf(error: unknown): string {
  const [first = '', ...rest] = (error instanceof Error ? error.message : String(error)).split(
    '. ',
  );
  if (!first.startsWith('Unknown option')) return [first, ...rest].join('. ');
  return `${first}; what begins with "-" and is no option goes behind "--"`;
}

function unmark(text: string): string {
  return text.startsWith(mark) ? text.slice(mark.length) : text;
}

/** The value of an option that is a time. Throws a UsageError. */
export function readMs<D>(option: string, text: string | undefined, standard: D): number | D {
  if (text === undefined) return standard;
  const ms = Number(text);
  if (text.trim() !== '' && ms > 0 && ms <= longestTimer) return ms;
  throw new UsageError(
    `${option} takes a number of milliseconds, as ${option} 2000, not "${unmark(text)}"`,
  );
}

/** The value of an option that is a port. Throws a UsageError. */
export function readPort(option: string, text: string | undefined, standard: number): number {
  if (text === undefined) return standard;
  const value = Number(text);
  if (/^\d+$/.test(text) && value < 65_536) return value;
  throw new UsageError(`${option} takes a port, 0 to 65535, not "${unmark(text)}"`);
}

/** The value of `--reach`; undefined leaves it to the environment. Throws a UsageError. */
export function readReach(text: string | undefined): Reach | undefined {
  if (text === undefined || text === 'local' || text === 'lan') return text;
  throw new UsageError(`--reach is local or lan, not "${unmark(text)}"`);
}
