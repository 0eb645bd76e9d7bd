import type { Checked } from './checker.js';
import type { Fact } from './history.js';
import type { Hunted, HuntSettings } from './hunter.js';

/** The most faults that are printed, and of how many what happened. */
const most = 30;
const told = 5;

/** What was done, and whether all went well, in lines. */
export function accountOf(settings: HuntSettings, hunted: Hunted, checked: Checked): string {
  const counts = new Map<string, number>();
  for (const { kind } of hunted.facts) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  const of = (kind: string): string => (counts.get(kind) ?? 0).toLocaleString('en');
  const states = hunted.facts.flatMap((fact) => (fact.kind === 'pushed' ? fact.states : []));
  const queued = states.filter((state) => state === 'queued').length;
  const { killed, stopped, expired, leases } = checked.redelivered;
  const { faults } = checked;
  const lines = {
    pushed: `${settings.commands.toLocaleString('en')} in ${of('pushing')} pushes, ${of('pushed')} of them answered: ${number(queued)} were new, ${number(states.length - queued)} known`,
    ended: `${of('finished')} finished, ${number(hunted.end.dead.length)} dead, ${number(hunted.end.left)} left, as far as workers lived to tell`,
    steps: `${of('start')} begun, ${of('effect')} effects, ${of('moved')} moves, ${of('retried')} retries`,
    workers: `${of('up')} in all, ${of('killed')} killed, ${of('paused')} paused, ${of('over')} stopped`,
    server: `${of('server killed')} times killed, ${of('server cut')} times cut off`,
    again: `${number(killed)} after a kill, ${number(stopped)} after a stop, ${number(expired)} after a lease that ran out`,
    leases: `${number(leases)} taken back, ${of('lost')} outcomes that came too late`,
    seconds: hunted.seconds.toFixed(1),
  };
  const kept = settings.store === 'redis' ? Object.entries(lines) : without(lines, 'server');
  return [
    `chaos on ${settings.store}, seed ${settings.seed}`,
    ...kept.map(([name, text]) => `  ${name.padEnd(8)} ${text}`),
    ...faults
      .slice(0, most)
      .flatMap((fault, i) => [
        `  FAULT    ${fault}`,
        ...(i < told ? storyOf(fault, hunted.facts).map((line) => `    ${line}`) : []),
      ]),
    ...(faults.length > most ? [`  and ${faults.length - most} faults more`] : []),
    `  ${faults.length === 0 ? 'verdict  all that was promised was kept' : `verdict  ${faults.length} FAULTS`}`,
  ].join('\n');
}

/** What was told of the commands that a fault names, and what was done to their workers meanwhile. */
function storyOf(fault: string, facts: readonly Fact[]): string[] {
  const [, worker] = /^wrong: (w\d+): /.exec(fault) ?? [];
  if (worker !== undefined) return lifeOf(worker, facts);
  const own = facts.filter((fact) => 'id' in fact && fault.split(/[ ,]/).includes(fact.id));
  const from = (own[0]?.at ?? 0) - 3_000;
  const to = (own.at(-1)?.at ?? 0) + 1_000;
  const workers = new Set([...own.map(({ by }) => by), '']);
  const around = facts.filter((fact) => {
    return (
      !('id' in fact) &&
      !('batch' in fact) &&
      fact.at > from &&
      fact.at < to &&
      workers.has(fact.by)
    );
  });
  const all = [...own, ...around].toSorted((a, b) => a.at - b.at);
  return all.map(lineOf);
}

/** What was done to a worker, and the last that it did. */
function lifeOf(worker: string, facts: readonly Fact[]): string[] {
  const own = facts.filter(({ by }) => by === worker);
  const done = own.filter((fact) => !('id' in fact) && !('batch' in fact));
  const last = own.slice(-10).filter((fact) => !done.includes(fact));
  return [...done, ...last].toSorted((a, b) => a.at - b.at).map(lineOf);
}

function lineOf({ at, by, ...rest }: Fact): string {
  return `${at.toFixed(1)} ${by} ${JSON.stringify(rest)}`;
}

function without(lines: Readonly<Record<string, string>>, name: string): [string, string][] {
  return Object.entries(lines).filter(([each]) => each !== name);
}

function number(count: number): string {
  return count.toLocaleString('en');
}
