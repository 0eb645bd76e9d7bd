import type { Letter } from '../../src/pipeline/letters.js';
import type { State } from '../../src/pipeline/store.js';
import { momentText } from './age.js';
import { toJsonText } from './json.js';
import { harmless, type Paint } from './style.js';
import { alignRows, type Cell } from './table.js';

/** What the moment of a command is, by its state. */
const moments: Readonly<Record<State, string | undefined>> = {
  input: undefined,
  held: undefined,
  working: 'LEASE ENDS',
  waiting: 'DUE',
  dead: 'DIED',
};

export interface LetterListOptions {
  readonly state: State;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** Characters in a line: data that is longer is cut. */
  readonly columns: number;
  readonly paint: Paint;
}

/** Commands in columns, under a line of headings; below each what it failed with, and its data. */
export function letterList(letters: readonly Letter[], options: LetterListOptions): string[] {
  const { state, now, columns, paint } = options;
  const keyed = letters.some(({ key }) => key !== undefined);
  const moment = moments[state];
  const heads = [
    ...['ID', 'QUEUE', ...(keyed ? ['KEY'] : []), 'TRIES', 'PUSHED'],
    ...(moment === undefined ? [] : [moment]),
  ].map((text): Cell => ({ text, paint: (it) => paint('bold', it), right: text === 'TRIES' }));
  const rows = letters.map(({ id, queue, key, tries, pushed, at }): Cell[] => [
    { text: harmless(id) },
    { text: harmless(queue) },
    ...(keyed ? [{ text: harmless(key ?? '-') }] : []),
    { text: String(tries), right: true },
    { text: momentText(pushed, now) },
    ...(moment === undefined ? [] : [{ text: at === undefined ? '-' : momentText(at, now) }]),
  ]);
  const [head = '', ...lines] = alignRows([heads, ...rows]);
  return [
    head,
    ...letters.flatMap((letter, i) => {
      const { error, data } = letter;
      const why =
        error === undefined ? [] : [paint('red', `  ${cut(errorText(error), columns - 2)}`)];
      return [lines[i] ?? '', ...why, paint('dim', `  ${cut(toJsonText(data), columns - 2)}`)];
    }),
  ];
}

function cut(text: string, most: number): string {
  const line = harmless(text);
  return line.length <= most ? line : `${line.slice(0, Math.max(1, most - 1))}…`;
}

function errorText(error: Error): string {
  const code = codeOf(error);
  const label = code ?? error.name;
  return error.message.startsWith(`${label}: `) ? error.message : `${label}: ${error.message}`;
}

function codeOf(error: Error): string | undefined {
  return 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/** Commands as other programs read them: one JSON array. */
export function letterJson(letters: readonly Letter[]): string {
  const plain = letters.map(({ id, queue, key, tries, pushed, at, error, data }) => {
    const { name, message } = error ?? {};
    const why = error && { name, message, code: codeOf(error) };
    return { id, queue, key, tries, pushed, at, error: why, data };
  });
  return toJsonText(plain);
}
