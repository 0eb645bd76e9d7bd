import type { InstanceRecord } from '../../src/discovery/record.js';
import { formatRely } from './listing.js';
import type { Dependency, ServiceNode } from './service-graph.js';
import { unmetOf } from './service-graph.js';
import { harmless, type Paint } from './style.js';

/** One line, and those that hang from it. */
interface Branch {
  readonly text: string;
  readonly branches: readonly Branch[];
}

/** Services, and below each what it relies on, in the form of `npm ls`. */
export function treeLines(roots: readonly ServiceNode[], paint: Paint): string[] {
  const seen = new Set<ServiceNode>();
  return roots.flatMap((root) => {
    const { text, branches } = branchOf(root, [], '', '', { seen, paint });
    return [text, ...linesOf(branches, '')];
  });
}

interface Drawing {
  /** Shown with what they rely on: once is enough. */
  readonly seen: Set<ServiceNode>;
  readonly paint: Paint;
}

function branchOf(
  node: ServiceNode,
  path: readonly ServiceNode[],
  before: string,
  after: string,
  drawing: Drawing,
): Branch {
  const { seen, paint } = drawing;
  const partial = node.instances.some((it) => it.partial === true);
  const again = seen.has(node) && node.relies.length > 0 ? ' deduped' : '';
  const cut = path.includes(node) ? ' cycle' : again;
  const text = `${before}${paint('bold', labelOf(node))}${marksOf(node, paint)}${after}${paint('dim', cut)}`;
  if (cut !== '') return { text, branches: [] };
  seen.add(node);
  const branches = node.relies.flatMap((it) => branchesOf(it, [...path, node], drawing));
  if (partial) branches.push({ text: '(more than an announcement holds)', branches: [] });
  return { text, branches };
}

/** A line for each version that will do; where none is there, one that says so. */
function branchesOf(
  dependency: Dependency,
  path: readonly ServiceNode[],
  drawing: Drawing,
): Branch[] {
  const { rely, found, met } = dependency;
  const { paint } = drawing;
  const optional = rely.optional === true;
  const unmet = met || optional ? '' : `${paint('red', 'UNMET')} `;
  if (found.length === 0) {
    const why = harmless(`${optional ? 'optional, ' : ''}${absence(dependency)}`);
    const text = `${unmet}${harmless(formatRely({ ...rely, optional: false }))} ${paint('dim', `(${why})`)}`;
    return [{ text, branches: [] }];
  }
  const words = [rely.range, optional ? 'optional' : ''].filter((it) => it !== '');
  const after = words.length > 0 ? ` ${paint('dim', `(${harmless(words.join(', '))})`)}` : '';
  return found.map((node) => branchOf(node, path, unmet, after, drawing));
}

/** What is not there, and what is there instead. */
export function absence({ rely, found, others }: Dependency): string {
  const inRange = found.map((node) => `${node.version} is ${statesOf(node).join(', ')}`);
  const outside = others.map((node) => `${node.version} is out of range`);
  const seen = [...inRange, ...outside];
  return seen.length > 0 ? seen.join('; ') : `nothing named ${rely.name} is on the air`;
}

/** What is unmet of these, a line for each. */
export function unmetLines(nodes: Iterable<ServiceNode>): string[] {
  return [...nodes].flatMap((node) =>
    unmetOf(node).map((it) => `UNMET ${formatRely(it.rely)} of ${labelOf(node)}: ${absence(it)}`),
  );
}

export function labelOf({ name, version }: Pick<ServiceNode, 'name' | 'version'>): string {
  return `${name}@${version}`;
}

/** How many, and what is not as it should be. */
function marksOf(node: ServiceNode, paint: Paint): string {
  const { length } = node.instances;
  const states = statesOf(node);
  // Where they differ, each state is counted.
  const count = length > 1 && states.length === 1 ? ` ×${length}` : '';
  if (states.length === 1 && states[0] === 'up') return count;
  const style = states.some((it) => it.includes('stuck')) ? 'red' : 'yellow';
  return `${count} ${paint(style, states.join(', '))}`;
}

/** The states of its instances, and how many are in each where they differ. */
function statesOf({ instances }: ServiceNode): string[] {
  const counts = new Map<string, number>();
  for (const it of instances) counts.set(stateOf(it), (counts.get(stateOf(it)) ?? 0) + 1);
  return [...counts].map(([state, count]) => (counts.size > 1 ? `${count} ${state}` : state));
}

function stateOf({ state, degraded }: InstanceRecord): string {
  return degraded === true && state === 'up' ? 'degraded' : state;
}

function linesOf(branches: readonly Branch[], indent: string): string[] {
  return branches.flatMap(({ text, branches: inner }, i) => {
    const last = i === branches.length - 1;
    const knot = `${last ? '└' : '├'}─${inner.length > 0 ? '┬' : '─'} `;
    return [`${indent}${knot}${text}`, ...linesOf(inner, `${indent}${last ? ' ' : '│'} `)];
  });
}
