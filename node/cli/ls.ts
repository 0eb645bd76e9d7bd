import { type Discovery, reasonsOf } from '../../src/discovery/discovery.js';
import type { InstanceRecord } from '../../src/discovery/record.js';
import { matches, parseQuery } from '../../src/service/name.js';
import { semverMatcher } from '../../src/service/range.js';
import { type Command, exit } from './command.js';
import { faultText } from './fault.js';
import { tableOf, toJson } from './listing.js';
import { lines, lookAround, pause, waits } from './look.js';
import { readRendezvous, rendezvousOption } from './places.js';
import { parse, readMs, readReach } from './parse.js';
import { askInstance, type Said, saidLines } from './said.js';
import { painter } from './style.js';
import { checked, UsageError } from './usage-error.js';
import { lineView, tableView } from './watch.js';
import type { World } from './world.js';

type Wanted = (record: InstanceRecord) => boolean;

export const ls: Command = {
  name: 'ls',
  usage: 'ls [options] [name[@range]]',
  summary: 'lists what is on the air',
  help: `  -w, --watch     goes on, and shows what changes: a table on a terminal; else a line each time
                  that an instance appears (+), changes (~) or goes (-)
  -l, --long      connects to each instance, and shows how it is and its methods
      --json      one JSON array; with --watch, an object {type, record} a line
      --wait MS   how long it listens; ${waits.local}, with --reach lan ${waits.lan}, with --watch for ever.
                  Nobody can know whether all have answered, so it always takes that long
      --reach R   local: this machine (the default, or what DSERVICE_REACH says); lan: the network
      --rendezvous URL
                  also what is announced there, as ws://127.0.0.1:4004; more than once for several

Without a name it lists all services. With a range, those of that name whose version is in it:

  dservice ls greeter@^1

Exit codes: 0 also when there is nothing to list; 1 if it could not listen; 2 wrong usage.
`,
  async run(args, world) {
    const { values, positionals } = parse(args, {
      watch: { type: 'boolean', short: 'w' },
      long: { type: 'boolean', short: 'l' },
      json: { type: 'boolean' },
      wait: { type: 'string' },
      reach: { type: 'string' },
      rendezvous: rendezvousOption,
    });
    const [filter, ...more] = positionals;
    if (more.length > 0) throw new UsageError('ls takes one name at most');
    const wanted = wantedBy(filter);
    const reach = readReach(values.reach);
    const { watch = false, json = false, long = false } = values;
    if (watch && long) throw new UsageError('ls takes --watch or --long, not both');
    const wait = readMs('--wait', values.wait, watch ? undefined : waits[reach ?? 'local']);
    const places = readRendezvous(values.rendezvous);
    const caller = checked(() =>
      world.caller({ ...places, ...(reach === undefined ? {} : { reach }) }),
    );
    try {
      const { discovery } = caller;
      if (watch) return await follow(discovery, wanted, { wait, json }, world);
      const ask = long ? (record: InstanceRecord) => askInstance(record, caller) : undefined;
      return await list(discovery, wanted, { wait: wait ?? waits.local, json, filter, ask }, world);
    } finally {
      await caller.stop();
    }
  },
};

function wantedBy(filter: string | undefined): Wanted {
  if (filter === undefined) return () => true;
  const query = checked(() => parseQuery(filter, semverMatcher));
  return (record) => matches(query, record, semverMatcher);
}

interface ListOptions {
  readonly wait: number;
  readonly json: boolean;
  readonly filter: string | undefined;
  /** Asks an instance for what its record does not say. */
  readonly ask: ((record: InstanceRecord) => Promise<Said>) | undefined;
}

async function list(
  discovery: Discovery,
  wanted: Wanted,
  { wait, json, filter, ask }: ListOptions,
  world: World,
): Promise<number> {
  const { output } = world;
  const seen = await lookAround(discovery, wait, world);
  const { degraded } = discovery;
  for (const reason of reasonsOf(discovery)) output.err(`${faultText(reason)}\n`);
  const found = seen.filter(wanted);
  const said = ask === undefined ? [] : await Promise.all(found.map(ask));
  if (json) {
    const all = found.map((record, i) => ({ ...toJson(record), ...said[i] }));
    output.out(`${JSON.stringify(all)}\n`);
  } else if (found.length > 0) {
    output.out(lines(tableOf(found, painter(output.colors))));
    const more = found.flatMap((record, i) => {
      const it = said[i];
      return it === undefined ? [] : ['', ...saidLines(record, it)];
    });
    output.out(lines(more));
  }
  if (found.length > 0) return exit.done;
  if (degraded !== undefined) return exit.failed;
  output.err(lines(hint(filter, seen, wait)));
  return exit.done;
}

/** What may be the reason that nothing is listed. */
function hint(filter: string | undefined, seen: readonly InstanceRecord[], wait: number): string[] {
  if (filter !== undefined && seen.length > 0) {
    const names = new Set(seen.map(({ name, version }) => `${name}@${version}`));
    return [`Nothing of ${filter} is on the air. There is: ${[...names].join(', ')}`];
  }
  const what = filter === undefined ? 'Nothing' : `Nothing of ${filter}`;
  return [
    `${what} is on the air: no service said a word within ${wait} ms.`,
    'Services of this machine are seen by themselves; those of the network with --reach lan,',
    'where they were started with reach "lan" too. --wait MS listens longer.',
  ];
}

async function follow(
  discovery: Discovery,
  wanted: Wanted,
  { wait, json }: { wait: number | undefined; json: boolean },
  world: World,
): Promise<number> {
  const view = world.output.terminal && !json ? tableView(world) : lineView(world, json);
  const unsubscribe = discovery.onDegraded((reason) => view.degraded(reason));
  if (discovery.degraded !== undefined) view.degraded(discovery.degraded);
  const stop = discovery.browse(undefined, (event) => {
    if (wanted(event.record)) view.event(event);
  });
  await pause(wait, world);
  stop();
  unsubscribe();
  return exit.done;
}
