import type { DiscoveryEvent } from '../../src/discovery/discovery.js';
import type { InstanceRecord, InstanceState, Rely } from '../../src/discovery/record.js';
import { isRelay } from '../../src/discovery/rendezvous/wire.js';
import { semverMatcher } from '../../src/service/range.js';
import { harmless, type Paint, type Style } from './style.js';
import { alignRows, type Cell } from './table.js';

const styles: Readonly<Record<InstanceState, Style>> = {
  up: 'green',
  waiting: 'yellow',
  draining: 'yellow',
  stuck: 'red',
};

const columns = ['NAME', 'VERSION', 'STATE', 'INSTANCE', 'ENDPOINTS', 'RELIES ON'];

/** Instances in columns, under a line of headings. */
export function tableOf(records: readonly InstanceRecord[], paint: Paint): string[] {
  const heads = columns.map((text): Cell => ({ text, paint: (it) => paint('bold', it) }));
  return alignRows([heads, ...records.map((record) => cellsOf(record, paint))]);
}

function cellsOf(record: InstanceRecord, paint: Paint): Cell[] {
  const style = record.degraded === true ? 'yellow' : styles[record.state];
  return [
    { text: record.name },
    { text: harmless(record.version) },
    { text: stateOf(record), paint: (text) => paint(style, text) },
    { text: record.id, paint: (text) => paint('dim', text) },
    { text: harmless(endpointsOf(record).join(' ')) || '-' },
    { text: harmless(reliesOf(record)) || '-' },
  ];
}

/** The instance is in a column of its own. */
function endpointsOf({ id, endpoints }: InstanceRecord): string[] {
  return endpoints.map((endpoint) =>
    isRelay(endpoint) && endpoint.endsWith(`#${id}`) ? endpoint.slice(0, -id.length - 1) : endpoint,
  );
}

function stateOf({ state, degraded }: InstanceRecord): string {
  return degraded === true ? `${state},degraded` : state;
}

function reliesOf({ relies, partial }: InstanceRecord): string {
  return [...relies.map(formatRely), ...(partial === true ? ['(more)'] : [])].join(', ');
}

export function formatRely({ name, range, optional }: Rely): string {
  const query = range === '' ? name : `${name}@${range}`;
  return optional === true ? `${query} (optional)` : query;
}

/** Not the events' names: an instance that appears need not be `up`, which is a state. */
const signs = { up: '+', update: '~', down: '-' } as const;

/** What happened to an instance, in one line: `+` it appeared, `~` it changed, `-` it went. */
export function eventLine({ type, record }: DiscoveryEvent): string {
  const relies = reliesOf(record);
  const words = [
    signs[type],
    `${record.name}@${record.version}`,
    record.id,
    stateOf(record),
    ...endpointsOf(record),
    ...(relies === '' ? [] : [`relies on ${relies}`]),
  ];
  return harmless(words.join(' '));
}

/** By name, then version, then id. */
export function inOrder(records: Iterable<InstanceRecord>): InstanceRecord[] {
  return [...records].sort(
    (a, b) =>
      compare(a.name, b.name) || semverMatcher.compare(a.version, b.version) || compare(a.id, b.id),
  );
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** An instance as other programs read it: the record, its keys always in this order. */
export function toJson(record: InstanceRecord): object {
  const { name, version, id, state, endpoints, relies, degraded, partial } = record;
  return {
    ...{ name, version, id, state, endpoints, relies },
    ...(degraded === true ? { degraded } : {}),
    ...(partial === true ? { partial } : {}),
  };
}
