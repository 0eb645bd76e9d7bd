import type { CallFact, History } from './history.js';

/** The most faults that are printed, and calls that may run twice and failed all the same. */
const most = 30;
const few = 5;

/** What was done, what became of it, and whether all went well, in lines. */
export function accountOf(title: string, history: History, faults: readonly string[]): string {
  const { calls, runs, blows, well } = history;
  const lines: Record<string, string> = {
    blows: list(counts(blows.map(({ kind }) => kind))),
    runs: `${runs.length.toLocaleString('en')} at ${new Set(runs.map(({ instance }) => instance)).size} instances of ${new Set(runs.map(({ version }) => version)).size} versions`,
  };
  for (const kind of ['once', 'again'] as const) {
    lines[kind] = callsOf(calls.filter((call) => call.kind === kind));
  }
  lines['well'] = list(
    Object.fromEntries(Object.entries(well).map(([name, ms]) => [name, `${Math.round(ms)} ms`])),
  );
  const again = calls.filter(({ kind, done }) => kind === 'again' && done !== true);
  const verdict =
    faults.length === 0 ? 'all that was promised was kept' : `${faults.length} FAULTS`;
  return [
    title,
    ...Object.entries(lines).map(([name, text]) => `  ${name.padEnd(8)} ${text}`),
    ...again.slice(0, few).map((call) => `  failed   ${storyOf(call, history)}`),
    ...faults.slice(0, most).map((fault) => `  FAULT    ${fault}`),
    ...(faults.length > most ? [`  and ${faults.length - most} faults more`] : []),
    `  verdict  ${verdict}`,
  ].join('\n');
}

/** How a call failed, and what was done meanwhile. */
function storyOf({ id, from, to = Infinity, code, message }: CallFact, { blows }: History): string {
  const meanwhile = blows
    .filter((blow) => blow.from < to && blow.to > from)
    .map(
      ({ kind, target, other }) => `${kind} ${target}${other === undefined ? '' : ` and ${other}`}`,
    );
  return `${id} after ${Math.round(to - from)} ms, amid ${meanwhile.join(', ') || 'nothing'}: ${code}: ${message}`;
}

function callsOf(calls: readonly CallFact[]): string {
  const failed = calls.filter(({ done }) => done !== true);
  const how = failed.map(
    ({ code, mayHaveRun }) => `${code}${mayHaveRun === true ? ', may have run' : ''}`,
  );
  const share = ((100 * (calls.length - failed.length)) / Math.max(1, calls.length)).toFixed(2);
  const times = calls
    .flatMap(({ done, from, to }) => (done === true && to !== undefined ? [to - from] : []))
    .toSorted((a, b) => a - b);
  const at = (part: number): string =>
    `${Math.round(times[Math.floor(part * (times.length - 1))] ?? 0)} ms`;
  const slow = `half in ${at(0.5)}, 99 % in ${at(0.99)}, all in ${at(1)}`;
  return `${calls.length.toLocaleString('en')}, done ${share} %, ${slow}; ${list(counts(how)) || 'none failed'}`;
}

function counts(all: readonly string[]): Record<string, number> {
  const found: Record<string, number> = {};
  for (const each of all) found[each] = (found[each] ?? 0) + 1;
  return found;
}

function list(all: Readonly<Record<string, number | string>>): string {
  return Object.entries(all)
    .map(([name, count]) => `${count} ${name}`)
    .join('; ');
}
