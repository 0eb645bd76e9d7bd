import { reasonsOf } from '../../src/discovery/discovery.js';
import type { InstanceRecord } from '../../src/discovery/record.js';
import { type Cycle, formatCycle } from '../../src/service/cycle.js';
import { matches, parseQuery, type Query } from '../../src/service/name.js';
import { semverMatcher } from '../../src/service/range.js';
import { type Command, exit } from './command.js';
import { faultText } from './fault.js';
import { lines, lookClosely, waits } from './look.js';
import { parse, readMs, readReach } from './parse.js';
import { readRendezvous, rendezvousOption } from './places.js';
import {
  cyclesOf,
  graphOf,
  reachedFrom,
  rootsOf,
  type ServiceNode,
  unmetOf,
} from './service-graph.js';
import { harmless, painter } from './style.js';
import { labelOf, treeLines, unmetLines } from './tree-view.js';
import { checked, UsageError } from './usage-error.js';

export const tree: Command = {
  name: 'tree',
  usage: 'tree [options] [name[@range]]',
  summary: 'shows who relies on whom, and what is unmet',
  help: `      --json      one object: {services, cycles, unmet}
      --wait MS   how long it listens; ${waits.local}, with --reach lan ${waits.lan}
      --reach R   local: this machine (the default, or what DSERVICE_REACH says); lan: the network
      --rendezvous URL
                  also what is announced there, as ws://127.0.0.1:4004; more than once for several

At the root are the services that nobody relies on, and one of each circle; with a name, those of
that name. Below each is what it relies on: the versions that are there, with the range in
parentheses; UNMET where none in range is up.

Exit codes: 0 all is met; 1 something is unmet, or there is no service of that name, or it could not
listen; 2 wrong usage.
`,
  async run(args, world) {
    const { values, positionals } = parse(args, {
      json: { type: 'boolean' },
      wait: { type: 'string' },
      reach: { type: 'string' },
      rendezvous: rendezvousOption,
    });
    const [filter, ...more] = positionals;
    if (more.length > 0) throw new UsageError('tree takes one name at most');
    const query =
      filter === undefined ? undefined : checked(() => parseQuery(filter, semverMatcher));
    const reach = readReach(values.reach);
    const wait = readMs('--wait', values.wait, waits[reach ?? 'local']);
    const at = reach ?? checked(() => world.net.reach);
    const places = readRendezvous(values.rendezvous);
    const caller = checked(() =>
      world.caller({ ...places, ...(reach === undefined ? {} : { reach }) }),
    );
    const { output } = world;
    try {
      const records = await lookClosely(caller.discovery, wait, at, world);
      const reasons = reasonsOf(caller.discovery);
      for (const reason of reasons) output.err(`${faultText(reason)}\n`);
      const view = viewOf(records, query);
      if (values.json === true) output.out(`${JSON.stringify(toJson(view))}\n`);
      else {
        output.out(lines(treeLines(view.roots, painter(output.colors))));
        output.err(lines(remarks(view).map((line) => harmless(line))));
      }
      if (view.roots.length > 0) return view.unmet === 0 ? exit.done : exit.failed;
      output.err(`${filter === undefined ? 'Nothing' : `Nothing of ${filter}`} is on the air.\n`);
      return filter === undefined && reasons.length === 0 ? exit.done : exit.failed;
    } finally {
      await caller.stop();
    }
  },
};

/** What is shown. */
interface View {
  readonly roots: readonly ServiceNode[];
  readonly nodes: readonly ServiceNode[];
  readonly cycles: readonly Cycle[];
  readonly unmet: number;
}

function viewOf(records: readonly InstanceRecord[], query: Query | undefined): View {
  const all = graphOf(records);
  const roots =
    query === undefined ? rootsOf(all) : all.filter((node) => matches(query, node, semverMatcher));
  const reached = reachedFrom(roots);
  const nodes = all.filter((node) => reached.has(node));
  return {
    roots,
    nodes,
    cycles: cyclesOf(nodes.flatMap(({ instances }) => instances)),
    unmet: nodes.reduce((sum, node) => sum + unmetOf(node).length, 0),
  };
}

/** What is wrong, in words. */
function remarks({ nodes, cycles }: View): string[] {
  const circles = cycles.map((cycle) => `These wait for each other: ${formatCycle(cycle)}`);
  return [...unmetLines(nodes), ...circles];
}

/** The graph as other programs read it: flat, since it may have circles. */
function toJson({ nodes, cycles, unmet }: View): object {
  const paths = cycles.map(({ members }) => members.map(labelOf));
  return { services: nodes.map(nodeToJson), cycles: paths, unmet };
}

/** A version of a service as other programs read it. */
function nodeToJson({ name, version, instances, relies }: ServiceNode): object {
  return {
    ...{ name, version },
    instances: instances.map(({ id, state, degraded, partial }) => ({
      ...{ id, state },
      ...(degraded === true ? { degraded } : {}),
      ...(partial === true ? { partial } : {}),
    })),
    relies: relies.map(({ rely, found, others, met }) => ({
      ...rely,
      met,
      found: found.map(({ version: it }) => it),
      others: others.map(({ version: it }) => it),
    })),
  };
}
