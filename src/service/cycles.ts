import type { InstanceRecord, Rely } from '../discovery/record.js';
import type { Cycle, InRange } from './cycle.js';

/** An instance that is not up. */
interface Waiting {
  readonly record: InstanceRecord;
  /** For each hard dependency that is not there: the waiting instances in range, if any. */
  readonly needs: readonly (readonly Waiting[])[];
}

/** An instance that cannot come up. */
interface Stuck {
  readonly record: InstanceRecord;
  /** Nothing that it relies on is absent: it is the circle alone that keeps it. */
  readonly complete: boolean;
  /** Those it waits for, which cannot come up either. Shared by all that rely on the same range. */
  readonly needs: readonly (readonly Waiting[])[];
}

/** Those who cannot come up, by id. */
export type StuckInstances = ReadonlyMap<string, Stuck>;

/** Versions that are compared with ranges, at most: strangers may announce as many as they like. */
const mostChecks = 10_000;

/**
 * Who cannot come up, as far as these records tell; nobody is asked. An instance may come up when each of
 * its hard dependencies is up, is absent (then it may come), or has a waiting instance in range that may
 * come up. All others wait for each other. Whoever said that it is stuck has given up, and one whose
 * dependencies are not known (`partial`) may come up. Finds none where there is too much to look at.
 */
export function stuckInstances(
  records: Iterable<InstanceRecord>,
  inRange: InRange,
): StuckInstances {
  const waiting = readWaiting(records, inRange);
  const hopeful = hopefulOf(waiting);
  const stuck = new Map<string, Stuck>();
  for (const it of waiting) {
    if (hopeful.has(it)) continue;
    stuck.set(it.record.id, {
      record: it.record,
      complete: it.needs.every((need) => need.length > 0),
      needs: it.needs.filter((need) => need.length > 0 && !need.some((x) => hopeful.has(x))),
    });
  }
  return stuck;
}

/**
 * Why the instance with that id is stuck: the shortest circle that it is on, or one that it waits for.
 * Undefined where it may come up, or where something that it relies on is absent.
 */
export function cycleOf(id: string, stuck: StuckInstances): Cycle | undefined {
  if (stuck.get(id)?.complete !== true) return undefined;
  const own = shortestWay(id, stuck);
  if (own !== undefined) return { on: true, members: own };
  const other = circleAhead(id, stuck);
  return other && { on: false, members: other };
}

function readWaiting(records: Iterable<InstanceRecord>, inRange: InRange): Waiting[] {
  const byName = new Map<string, InstanceRecord[]>();
  const nodes = new Map<string, { record: InstanceRecord; needs: (readonly Waiting[])[] }>();
  for (const record of records) {
    if (record.state === 'draining') continue;
    addTo(byName, record.name, record);
    if (record.state !== 'up') nodes.set(record.id, { record, needs: [] });
  }
  let checks = 0;
  // Who relies on the same range waits for the same instances; undefined where one of them is up.
  const known = new Map<string, readonly Waiting[] | undefined>();
  const candidates = (rely: Rely): readonly Waiting[] | undefined => {
    const key = `${rely.name}@${rely.range}`;
    if (known.has(key)) return known.get(key);
    const all = byName.get(rely.name) ?? [];
    checks += all.length + 1;
    if (checks > mostChecks) return undefined;
    const found = all.filter((record) => inRange(rely, record));
    const isUp = found.some(({ state }) => state === 'up');
    const needed = isUp ? undefined : found.sort(inOrder).flatMap(({ id }) => nodes.get(id) ?? []);
    known.set(key, needed);
    return needed;
  };
  for (const { record, needs } of nodes.values()) {
    for (const rely of record.relies) {
      const needed = rely.optional === true ? undefined : candidates(rely);
      if (needed !== undefined) needs.push(needed);
    }
  }
  return [...nodes.values()];
}

function addTo<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const values = map.get(key);
  if (values === undefined) map.set(key, [value]);
  else values.push(value);
}

/** Those who may come up: each needs one of every need. */
function hopefulOf(waiting: readonly Waiting[]): ReadonlySet<Waiting> {
  const hopeful = new Set<Waiting>();
  /** How many needs of each are still open. */
  const open = new Map<Waiting, number>();
  const needing = new Map<readonly Waiting[], Waiting[]>();
  for (const it of waiting) {
    const needs = new Set(it.needs.filter((need) => need.length > 0));
    open.set(it, needs.size);
    for (const need of needs) addTo(needing, need, it);
  }
  const meeting = new Map<Waiting, (readonly Waiting[])[]>();
  for (const need of needing.keys()) for (const it of need) addTo(meeting, it, need);
  const free = waiting.filter((it) => open.get(it) === 0);
  for (let it = free.pop(); it !== undefined; it = free.pop()) {
    if (it.record.state === 'stuck') continue;
    hopeful.add(it);
    for (const need of meeting.get(it) ?? []) {
      for (const other of needing.get(need) ?? []) {
        const left = (open.get(other) ?? 0) - 1;
        open.set(other, left);
        if (left === 0) free.push(other);
      }
      needing.delete(need);
    }
  }
  return hopeful;
}

/** The shortest way from an instance back to itself. */
function shortestWay(id: string, stuck: StuckInstances): InstanceRecord[] | undefined {
  const from = new Map<string, string>();
  const seen = new Set<readonly Waiting[]>();
  const queue = [id];
  for (const at of queue) {
    for (const need of stuck.get(at)?.needs ?? []) {
      if (seen.has(need)) continue;
      seen.add(need);
      for (const { record } of need) {
        if (record.id === id) return wayTo(at, from, stuck);
        if (from.has(record.id)) continue;
        from.set(record.id, at);
        queue.push(record.id);
      }
    }
  }
  return undefined;
}

/** From where the search began. */
function wayTo(
  id: string,
  from: ReadonlyMap<string, string>,
  stuck: StuckInstances,
): InstanceRecord[] {
  const way: InstanceRecord[] = [];
  for (let at: string | undefined = id; at !== undefined; at = from.get(at)) {
    const record = stuck.get(at)?.record;
    if (record !== undefined) way.unshift(record);
  }
  return way;
}

/**
 * The circle that is met by always following the first of those who are waited for. There may be none for
 * the moment, where one of them has given up and is no longer stuck by what it relies on.
 */
function circleAhead(id: string, stuck: StuckInstances): InstanceRecord[] | undefined {
  const way = new Set<string>();
  let at = id;
  while (!way.has(at)) {
    way.add(at);
    const [need = []] = stuck.get(at)?.needs ?? [];
    const next = need.find(({ record }) => (stuck.get(record.id)?.needs.length ?? 0) > 0);
    if (next === undefined) return undefined;
    at = next.record.id;
  }
  const all = [...way];
  return all.slice(all.indexOf(at)).flatMap((each) => stuck.get(each)?.record ?? []);
}

/** Everybody who looks at the same instances takes the same way. */
function inOrder(a: InstanceRecord, b: InstanceRecord): number {
  for (const key of ['name', 'version', 'id'] as const) {
    if (a[key] !== b[key]) return a[key] < b[key] ? -1 : 1;
  }
  return 0;
}
