import type { Pipeline } from '../../src/pipeline/pipeline.js';
import type { State } from '../../src/pipeline/store.js';
import { type Command, exit } from './command.js';
import { faultText } from './fault.js';
import { Kept, storeOption } from './kept.js';
import { letterJson, letterList } from './letter-list.js';
import { parse } from './parse.js';
import { filterOptions, readFilter, readLimit, readState } from './queue-filter.js';
import { allRows, queueTable } from './queue-rows.js';
import { lineView, tableView, watchQueues } from './queue-watch.js';
import { painter } from './style.js';
import { UsageError } from './usage-error.js';
import type { World } from './world.js';

/** What can be done with the queues of a pipeline, by the word that says it. */
const actions: Readonly<Record<string, Command['run']>> = { peek, dead, redrive, purge };

export const queues: Command = {
  name: 'queues',
  usage: 'queues [options] [pipeline]',
  summary: 'shows what durable pipelines have to do',
  help: `      --store URL lmdb:./path, redis://…, rediss://…; without it what DSERVICE_STORE says, or
                  the folder .dservice of where it runs. Programs may work there meanwhile
  -w, --watch     goes on: a table on a terminal; else a line each time that a queue changes
      --json      one JSON array; with --watch, an object a line

  dservice queues peek <pipeline> <queue>
                  the first commands of a queue; they stay where they are
      --state S   input (the default): may be begun; held: behind an earlier one of its key;
                  working; waiting: until it is due; dead
      --limit N   at most so many; 20
      --json      one JSON array
  dservice queues dead <pipeline>
                  the dead letters, oldest first; --queue, --limit, --json
  dservice queues redrive <pipeline>
                  puts dead letters into their queues again
      --to QUEUE  into this one, and not where they died
      --no-reset  they are tried once more, and not as often as at first
  dservice queues purge <pipeline>
                  removes commands for good; what is worked on stays
      --state S   input, held or waiting; dead without it
      --yes       all of them, where nothing says which

Which ones, for redrive and purge; those that fit all that is said:

      --id ID     more than once for several
      --queue Q   where they are, or died
      --key K
      --code C    of what they failed with
      --older T   pushed so long ago, as 30m, 24h, 7d

Exit codes: 0 also where there is nothing to show; 1 it failed, or there is no such pipeline or id;
2 wrong usage.
`,
  run(args, world) {
    const [first = '', ...rest] = args;
    const action = Object.hasOwn(actions, first) ? actions[first] : undefined;
    return action === undefined ? list(args, world) : action(rest, world);
  },
};

async function list(args: readonly string[], world: World): Promise<number> {
  const { values, positionals } = parse(args, {
    store: storeOption,
    watch: { type: 'boolean', short: 'w' },
    json: { type: 'boolean' },
  });
  const [only, ...more] = positionals;
  if (more.length > 0) {
    throw new UsageError(`queues takes one pipeline at most; or first: ${words()}`);
  }
  const { watch = false, json = false } = values;
  const { output } = world;
  return await using(values.store, world, async (kept) => {
    if (watch) {
      const view = output.terminal && !json ? tableView(world) : lineView(world, json);
      await watchQueues(kept, only, view, world);
      return exit.done;
    }
    const { all, faults } = await allRows(kept, only);
    if (json) output.out(`${JSON.stringify(all)}\n`);
    else if (all.length > 0) output.out(lines(queueTable(all, painter(output.colors))));
    if (faults.length > 0) {
      output.err(lines(faults.map(faultText)));
      return exit.failed;
    }
    if (all.length === 0) output.err(lines(await kept.reasons(only)));
    return exit.done;
  });
}

async function peek(args: readonly string[], world: World): Promise<number> {
  const { values, positionals } = parse(args, {
    ...{ store: storeOption, state: { type: 'string' } },
    ...{ limit: { type: 'string' }, json: { type: 'boolean' } },
  });
  const [name, queue, ...more] = positionals;
  if (queue === undefined || more.length > 0) {
    throw new UsageError('queues peek needs a pipeline and a queue');
  }
  const state = readState(values.state, 'input');
  const limit = readLimit(values.limit);
  return await within(name, values.store, world, async (pipeline) => {
    const { [queue]: counts } = (await pipeline.counts()).queues;
    const all = state === 'dead' ? undefined : (counts?.[state] ?? 0);
    return await show(pipeline, { state, queue, limit, all, json: values.json === true }, world);
  });
}

async function dead(args: readonly string[], world: World): Promise<number> {
  const { values, positionals } = parse(args, {
    ...{ store: storeOption, queue: { type: 'string' } },
    ...{ limit: { type: 'string' }, json: { type: 'boolean' } },
  });
  const name = onlyName('dead', positionals);
  const limit = readLimit(values.limit);
  const { queue } = values;
  return await within(name, values.store, world, async (pipeline) => {
    const all = queue === undefined ? (await pipeline.counts()).dead : undefined;
    const json = values.json === true;
    return await show(pipeline, { state: 'dead', queue, limit, all, json }, world);
  });
}

interface Shown {
  readonly state: State;
  readonly queue: string | undefined;
  readonly limit: number;
  /** How many there are, where that is known. */
  readonly all: number | undefined;
  readonly json: boolean;
}

async function show(
  pipeline: Pipeline,
  { state, queue, limit, all, json }: Shown,
  { output, clock }: World,
): Promise<number> {
  const letters =
    state === 'dead' || queue === undefined
      ? await pipeline.dead({ limit, ...(queue === undefined ? {} : { queue }) })
      : await pipeline.peek(queue, { state, limit });
  if (json) output.out(`${letterJson(letters)}\n`);
  else if (letters.length > 0) {
    const { columns, colors } = output;
    const options = { state, columns, now: clock.wall(), paint: painter(colors) };
    output.out(lines(letterList(letters, options)));
  }
  const where = queue === undefined ? pipeline.name : `${queue} of ${pipeline.name}`;
  if (letters.length === 0) {
    output.err(`Nothing is ${state === 'input' ? 'queued' : state} in ${where}.\n`);
  } else if (letters.length === limit && all !== limit) {
    const some = all === undefined ? 'There may be more' : `${limit} of ${all}`;
    output.err(`${some}: --limit N shows more.\n`);
  } else if (state === 'dead' && output.terminal && !json) {
    output.err(`dservice queues redrive ${pipeline.name} has them tried again.\n`);
  }
  return exit.done;
}

async function redrive(args: readonly string[], world: World): Promise<number> {
  const { values, positionals } = parse(args, {
    ...{ store: storeOption, to: { type: 'string' }, 'no-reset': { type: 'boolean' } },
    ...filterOptions,
  });
  const name = onlyName('redrive', positionals);
  const filter = readFilter(values);
  const { to } = values;
  return await within(name, values.store, world, async (pipeline) => {
    const count = await pipeline.redrive(filter, {
      reset: values['no-reset'] !== true,
      ...(to === undefined ? {} : { to }),
    });
    const where = to === undefined ? 'its queue' : to;
    const wheres = to === undefined ? 'their queues' : to;
    const goes =
      count === 1 ? `1 command is in ${where} again` : `${count} commands are in ${wheres} again`;
    return account(count, goes, filter.id, world);
  });
}

async function purge(args: readonly string[], world: World): Promise<number> {
  const { values, positionals } = parse(args, {
    ...{ store: storeOption, state: { type: 'string' }, yes: { type: 'boolean' } },
    ...filterOptions,
  });
  const name = onlyName('purge', positionals);
  const filter = readFilter(values);
  const state = readState(values.state, 'dead');
  if (state === 'working') {
    throw new UsageError('what is working stays: --state is input, held, waiting or dead');
  }
  return await within(name, values.store, world, async (pipeline) => {
    const counts = await pipeline.counts();
    if (Object.keys(filter).length === 0 && values.yes !== true) {
      const all =
        state === 'dead'
          ? counts.dead
          : Object.values(counts.queues).reduce((sum, each) => sum + each[state], 0);
      const what = `${all} ${all === 1 ? 'command' : 'commands'} of ${pipeline.name}`;
      throw new UsageError(
        `this removes all that is ${state}, ${what}, for good: say --yes, or which`,
      );
    }
    // Dead letters are in one list; all else is by queue.
    const all =
      state === 'dead' ? [undefined] : [filter.queue ?? Object.keys(counts.queues)].flat();
    let count = 0;
    for (const queue of all) {
      count += await pipeline.purge(queue === undefined ? filter : { ...filter, queue }, { state });
    }
    const gone = count === 1 ? '1 command is gone' : `${count} commands are gone`;
    return account(count, gone, filter.id, world);
  });
}

/** Says how many it were; fails where some of those that were named were not there. */
function account(
  count: number,
  text: string,
  ids: string | readonly string[] | undefined,
  { output }: World,
): number {
  output.out(count === 0 ? 'Nothing was there that fits.\n' : `${text}.\n`);
  const missing = (ids === undefined ? 0 : new Set([ids].flat()).size) - count;
  if (missing <= 0) return exit.done;
  output.err(missing === 1 ? '1 id was not there.\n' : `${missing} ids were not there.\n`);
  return exit.failed;
}

function onlyName(action: string, [name, ...more]: readonly string[]): string | undefined {
  if (name === undefined || more.length > 0) {
    throw new UsageError(`queues ${action} needs one pipeline`);
  }
  return name;
}

/** Does something with what is kept, and closes it. */
async function using(
  url: string | undefined,
  world: World,
  act: (kept: Kept) => Promise<number>,
): Promise<number> {
  const kept = await Kept.open(url, world);
  try {
    return await act(kept);
  } finally {
    await kept.close();
  }
}

/** Does something with a pipeline that is kept; where there is none, says so. */
function within(
  name: string | undefined,
  url: string | undefined,
  world: World,
  act: (pipeline: Pipeline) => Promise<number>,
): Promise<number> {
  return using(url, world, async (kept) => {
    const pipeline = name === undefined ? undefined : await kept.get(name);
    if (pipeline !== undefined) return await act(pipeline);
    world.output.err(lines(await kept.reasons(name)));
    return exit.failed;
  });
}

function words(): string {
  return Object.keys(actions).join(', ');
}

function lines(all: readonly string[]): string {
  return all.map((line) => `${line}\n`).join('');
}
