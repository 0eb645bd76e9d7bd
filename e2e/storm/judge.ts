import type { BlowFact, CallFact, History, Places, RunFact } from './history.js';

/** ms that a call may be later than its deadline, beside what its process was late itself. */
const slack = 500;

/** ms that an instance may be out of reach when what was done to its process is over. */
const restarted = 3_000;
const ofProcess = new Set(['kill', 'roll', 'freeze']);

/** What calls may fail with, whatever is done to services and networks. */
const codes = new Set(['ERR_DEADLINE', 'ERR_CONNECTION_LOST', 'ERR_NO_INSTANCE', 'ERR_CONNECT']);

/** What was promised and not kept, each in a line. */
export function judge(history: History, places: Places): string[] {
  const runs = new Map<string, RunFact[]>();
  for (const run of history.runs) {
    const known = runs.get(run.call);
    if (known === undefined) runs.set(run.call, [run]);
    else known.push(run);
  }
  return [
    ...history.wrong.map((text) => `wrong: ${text}`),
    ...history.calls.flatMap((call) => [
      ...judgeTime(call, history.over),
      ...judgeRuns(call, runs.get(call.id) ?? [], places),
      ...judgeFailure(call, history, places),
    ]),
    ...history.runs
      .filter(({ version }) => !places.isInRange(version))
      .map(({ call, version }) => `out of range: ${call} ran at ${version}`),
    ...Object.entries(history.well)
      .filter(([, ms]) => ms > places.recovery)
      .map(([caller, ms]) => `not well: ${caller}, ${Math.round(ms)} ms after the last blow`),
  ];
}

function judgeTime(call: CallFact, over: number): string[] {
  const { id, from, to, deadline, lag } = call;
  if (to === undefined)
    return [`pending: ${id}, asked ${Math.round(over - from)} ms before the end`];
  const late = to - from - deadline;
  if (late <= slack + lag) return [];
  return [`late: ${id}, by ${Math.round(late)} ms after its deadline of ${deadline} ms`];
}

function judgeRuns(call: CallFact, runs: readonly RunFact[], places: Places): string[] {
  const { id, kind, done, back: asks, asked, instance, version = '', mayHaveRun } = call;
  const { from, to = Infinity, message } = call;
  const faults: string[] = [];
  const by = runs.map((run) => run.instance).join(', ');
  if (kind === 'once' && runs.length > 1) faults.push(`twice: ${id} ran at ${by}`);
  if (asked > 1) faults.push(`twice: ${id} was asked back ${asked} times`);
  if (done === true) {
    if (!runs.some((run) => run.instance === instance)) {
      faults.push(`never ran: ${id} was answered by ${instance}, and ran at ${by || 'none'}`);
    }
    if (!places.isInRange(version)) faults.push(`out of range: ${id} was answered by ${version}`);
    if (asks === true && asked === 0) faults.push(`never asked: ${id} was answered before`);
  }
  if (mayHaveRun === false && runs.length > 0) {
    const when = runs.map(({ at }) => `${Math.round(at - from)} ms`).join(', ');
    const how = `${call.code} and mayHaveRun: false after ${Math.round(to - from)} ms`;
    faults.push(`ran: ${id} failed with ${how}, and ran after ${when} at ${by}: ${message}`);
  }
  return faults;
}

function judgeFailure(call: CallFact, history: History, places: Places): string[] {
  const { id, kind, done, code = 'no code', mayHaveRun, message } = call;
  if (done !== false) return [];
  const faults: string[] = [];
  if (!codes.has(code)) faults.push(`strange: ${id} failed with ${code}: ${message}`);
  if (typeof mayHaveRun !== 'boolean') {
    faults.push(`unknown: ${id} does not say whether it ran: ${code}: ${message}`);
  }
  const well = kind === 'again' ? reachable(call, history.blows, places) : [];
  if (well.length > 0) {
    faults.push(
      `in vain: ${id} failed, and ${well.join(', ')} was within reach: ${code}: ${message}`,
    );
  }
  return faults;
}

/** The hosts of instances that the caller could reach as long as the call took. */
function reachable(
  { caller, from, to = Infinity }: CallFact,
  blows: readonly BlowFact[],
  { instances, ways, recovery }: Places,
): readonly string[] {
  const own = ways[caller] ?? [];
  const during = blows.filter((blow) => {
    // Longer, where it was the way to it.
    const isInstance = ofProcess.has(blow.kind) && !own.includes(blow.target);
    return blow.from < to && blow.to + (isInstance ? restarted : recovery) > from;
  });
  const isCut = during.some(
    ({ target, other }) => own.includes(target) && (other === undefined || own.includes(other)),
  );
  if (isCut) return [];
  return (instances[caller] ?? []).filter(
    (host) =>
      !during.some(
        ({ target, other }) => target === host && (other === undefined || own.includes(other)),
      ),
  );
}
