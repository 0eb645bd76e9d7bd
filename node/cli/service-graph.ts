import type { InstanceRecord, Rely } from '../../src/discovery/record.js';
import type { Cycle, InRange } from '../../src/service/cycle.js';
import { cycleOf, stuckInstances } from '../../src/service/cycles.js';
import { matches } from '../../src/service/name.js';
import { semverMatcher } from '../../src/service/range.js';

/** All instances of one version of a service. */
export interface ServiceNode {
  readonly name: string;
  readonly version: string;
  readonly instances: readonly InstanceRecord[];
  /** What any of them relies on. */
  readonly relies: readonly Dependency[];
}

/** What a service relies on, and what there is of it. */
export interface Dependency {
  readonly rely: Rely;
  /** Versions in range. */
  readonly found: readonly ServiceNode[];
  /** Versions of that name that are not. */
  readonly others: readonly ServiceNode[];
  /** An instance in range is up. */
  readonly met: boolean;
}

/** Who relies on whom, from records alone. */
export function graphOf(records: readonly InstanceRecord[]): ServiceNode[] {
  const byLabel = new Map<string, InstanceRecord[]>();
  for (const record of records) {
    const label = `${record.name}@${record.version}`;
    const known = byLabel.get(label);
    if (known === undefined) byLabel.set(label, [record]);
    else known.push(record);
  }
  const nodes = [...byLabel.values()].map((instances) => {
    const [{ name, version } = { name: '', version: '' }] = instances;
    return { name, version, instances, relies: [] as Dependency[] };
  });
  for (const { instances, relies } of nodes) {
    for (const rely of distinct(instances.flatMap((it) => it.relies))) {
      const named = nodes.filter(({ name }) => name === rely.name);
      const fits = ({ name, version }: ServiceNode): boolean => isIn(rely, { name, version });
      const found = named.filter(fits);
      const others = named.filter((node) => !fits(node));
      const met = found.some((node) => node.instances.some(({ state }) => state === 'up'));
      relies.push({ rely, found, others, met });
    }
  }
  return nodes;
}

/** The services that nobody relies on, and of each circle that none of them leads to, the first. */
export function rootsOf(nodes: readonly ServiceNode[]): ServiceNode[] {
  const needed = new Set(nodes.flatMap((node) => nextOf(node).filter((next) => next !== node)));
  const roots = nodes.filter((node) => !needed.has(node));
  const shown = reachedFrom(roots);
  for (const node of nodes) {
    if (shown.has(node)) continue;
    roots.push(node);
    for (const each of reachedFrom([node])) shown.add(each);
  }
  return nodes.filter((node) => roots.includes(node));
}

/** These, and all that they rely on. */
export function reachedFrom(roots: readonly ServiceNode[]): Set<ServiceNode> {
  const reached = new Set(roots);
  for (const node of reached) for (const next of nextOf(node)) reached.add(next);
  return reached;
}

/** Hard dependencies that are not there, of services that are not just leaving. */
export function unmetOf(node: ServiceNode): Dependency[] {
  if (node.instances.every(({ state }) => state === 'draining')) return [];
  return node.relies.filter(({ rely, met }) => rely.optional !== true && !met);
}

/** The circles in which instances wait for each other, each once. */
export function cyclesOf(records: readonly InstanceRecord[]): Cycle[] {
  const stuck = stuckInstances(records, isIn);
  const told = new Set<string>();
  const cycles: Cycle[] = [];
  for (const { id, name, version } of records) {
    const cycle = told.has(`${name}@${version}`) ? undefined : cycleOf(id, stuck);
    if (cycle?.on !== true) continue;
    for (const member of cycle.members) told.add(`${member.name}@${member.version}`);
    cycles.push(cycle);
  }
  return cycles;
}

export const isIn = (
  { name, range }: Rely,
  record: Pick<InstanceRecord, 'name' | 'version'>,
): ReturnType<InRange> =>
  matches({ name, range: range === '' ? undefined : range }, record, semverMatcher);

function nextOf({ relies }: ServiceNode): ServiceNode[] {
  return relies.flatMap(({ found }) => found);
}

/** Of one that is said twice, once optional, the strict one counts. */
function distinct(relies: readonly Rely[]): Rely[] {
  const all = new Map<string, Rely>();
  for (const rely of relies) {
    const key = `${rely.name}@${rely.range}`;
    if (!all.has(key) || rely.optional !== true) all.set(key, rely);
  }
  return [...all.values()];
}
