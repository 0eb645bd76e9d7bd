import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { InstanceRecord, InstanceState, Rely } from '../discovery/record.js';
import { formatCycle } from './cycle.js';
import { cycleOf, stuckInstances } from './cycles.js';
import { semverMatcher } from './range.js';

const inRange = ({ name, range }: Rely, record: InstanceRecord): boolean =>
  name === record.name && (range === '' || semverMatcher.satisfies(record.version, range));

/** `a@1.0.0` that waits for `b@^1`, `?c`: an instance, its id made of its place in the list. */
function instance(what: string, relies = '', state: InstanceState = 'waiting', id = what) {
  const [name = '', version = '1.0.0'] = what.split('@');
  return {
    ...{ id, name, version, state, endpoints: [] },
    relies: relies
      .split(' ')
      .filter(Boolean)
      .map((text): Rely => {
        const [of = '', range = ''] = text.replace('?', '').split('@');
        return { name: of, range, ...(text.startsWith('?') ? { optional: true } : {}) };
      }),
  };
}

/** What an instance among others is told. */
function told(id: string, records: readonly InstanceRecord[]): string | undefined {
  const cycle = cycleOf(id, stuckInstances(records, inRange));
  return cycle && `${cycle.on ? 'on' : 'behind'} ${formatCycle(cycle)}`;
}

describe('who is told what', () => {
  test('each of two begins with itself', () => {
    const both = [instance('a', 'b'), instance('b@2.1.0', 'a@^1')];
    expect(told('a', both)).toBe('on a@1.0.0 → b@2.1.0 → a');
    expect(told('b@2.1.0', both)).toBe('on b@2.1.0 → a@1.0.0 → b');
  });

  test('one that waits for a circle is told of that', () => {
    const all = [instance('a', 'b'), instance('b', 'a'), instance('c', 'd'), instance('d', 'a')];
    expect(told('c', all)).toBe('behind a@1.0.0 → b@1.0.0 → a');
    expect(told('d', all)).toBe('behind a@1.0.0 → b@1.0.0 → a');
  });

  test('one that relies on itself', () => {
    expect(told('a', [instance('a', 'a')])).toBe('on a@1.0.0 → a');
    expect(told('a', [instance('a', 'a'), instance('a', '', 'up', 'other')])).toBeUndefined();
  });

  test.each([
    ['another instance is up', instance('b', '', 'up', 'b2')],
    ['another instance may come up', instance('b', 'absent', 'waiting', 'b2')],
    [
      'what is relied on is not known of another',
      { ...instance('b', '', 'waiting', 'b2'), partial: true },
    ],
  ])('none where %s', (_, other) => {
    expect(told('a', [instance('a', 'b'), instance('b', 'a'), other])).toBeUndefined();
  });

  test.each([
    ['is out of range', instance('b@2.0.0', '', 'up')],
    ['leaves', instance('b', '', 'draining', 'b2')],
    ['waits in the circle too', instance('b', 'a', 'waiting', 'b2')],
  ])('a circle all the same where another instance %s', (_, other) => {
    const all = [instance('a', 'b@^1'), instance('b', 'a'), other];
    expect(told('a', all)).toBe('on a@1.0.0 → b@1.0.0 → a');
  });

  test('who lacks something else as well waits on for it, and the others are told', () => {
    const all = [instance('a', 'b absent'), instance('b', 'a')];
    expect(told('a', all)).toBeUndefined();
    expect(told('b', all)).toBe('on b@1.0.0 → a@1.0.0 → b');
  });

  test('optional ones close no circle', () => {
    expect(told('a', [instance('a', '?b'), instance('b', 'a')])).toBeUndefined();
  });

  test('one that has given up still closes it', () => {
    const all = [instance('a', 'b', 'stuck'), instance('b', 'a')];
    expect(told('b', all)).toBe('on b@1.0.0 → a@1.0.0 → b');
  });
});

test('a stranger that announces without end is not followed for ever', () => {
  const ids = Array.from({ length: 400 }, (_, i) => `x@1.0.${i}`);
  let checks = 0;
  const all = ids.map((id, i) =>
    instance(id, Array.from({ length: 100 }, (__, j) => `x@<${i}.${j}`).join(' ')),
  );
  const stuck = stuckInstances(all, () => ++checks > 0);
  expect(checks).toBeLessThanOrEqual(10_000);
  expect(stuck.size).toBeLessThanOrEqual(all.length);
});

test('a circle of 4,000 is walked, not climbed', () => {
  const all = Array.from({ length: 4_000 }, (_, i) => instance(`s${i}`, `s${(i + 1) % 4_000}`));
  const cycle = cycleOf('s7', stuckInstances(all, inRange));
  expect(cycle?.members).toHaveLength(4_000);
});

describe('as a model that tries everything says', () => {
  const rely = fc.record({
    name: fc.constantFrom('a', 'b', 'c', 'd'),
    range: fc.constantFrom('', '^1', '^2'),
    optional: fc.boolean(),
  });
  const state = fc.oneof(
    { weight: 8, arbitrary: fc.constant('waiting' as const) },
    { weight: 1, arbitrary: fc.constantFrom('up' as const, 'stuck' as const, 'draining' as const) },
  );
  const relies = fc
    .array(rely, { maxLength: 3 })
    .map((all) =>
      all.map(({ optional, ...it }) => (optional && it.range === '' ? { ...it, optional } : it)),
    );
  const world = fc
    .array(
      fc.record({
        name: fc.constantFrom('a', 'b', 'c', 'd'),
        major: fc.constantFrom(1, 2),
        state,
        relies,
      }),
      { minLength: 1, maxLength: 9 },
    )
    .map((all) =>
      all.map(({ major, ...it }, i): InstanceRecord => {
        return { ...it, id: `${i}`, version: `${major}.0.0`, endpoints: [] };
      }),
    );

  /** For each hard dependency that is not met, who might meet it. */
  function needsOf(record: InstanceRecord, all: readonly InstanceRecord[]): InstanceRecord[][] {
    return record.relies
      .filter(({ optional }) => optional !== true)
      .map((it) => all.filter((other) => other.state !== 'draining' && inRange(it, other)))
      .filter((found) => !found.some((it) => it.state === 'up'));
  }

  /** Whoever can come up does, one after the other, with what is absent taken for granted. */
  function left(all: readonly InstanceRecord[]): InstanceRecord[] {
    const up = new Set<InstanceRecord>();
    const waits = (it: InstanceRecord) => it.state !== 'up' && it.state !== 'draining';
    for (;;) {
      const next = all.find(
        (it) =>
          it.state === 'waiting' &&
          !up.has(it) &&
          needsOf(it, all).every((need) => need.length === 0 || need.some((x) => up.has(x))),
      );
      if (next === undefined) return all.filter((it) => waits(it) && !up.has(it));
      up.add(next);
    }
  }

  test('who is stuck, on which circle, and behind which', () => {
    let circles = 0;
    fc.assert(
      fc.property(world, (all) => {
        const stuck = stuckInstances(all, inRange);
        const expected = left(all);
        expect([...stuck.keys()].sort()).toEqual(expected.map(({ id }) => id).sort());
        const nexts = new Map(
          expected.map((it) => {
            const needs = needsOf(it, all).filter((need) => need.length > 0);
            const closed = needs.filter((need) => need.every((x) => expected.includes(x)));
            return [it.id, new Set(closed.flat().map(({ id }) => id))];
          }),
        );
        const far = distances(nexts);
        for (const it of all) {
          const cycle = cycleOf(it.id, stuck);
          const complete = needsOf(it, all).every((need) => need.length > 0);
          if (!expected.includes(it) || !complete) {
            expect(cycle).toBeUndefined();
            continue;
          }
          const own = far(it.id, it.id);
          if (own < Infinity) expect(cycle).toMatchObject({ on: true });
          else if (all.every(({ state }) => state !== 'stuck')) expect(cycle).toBeDefined();
          if (cycle === undefined) continue;
          circles++;
          const ids = cycle.members.map(({ id }) => id);
          expect(new Set(ids).size).toBe(ids.length);
          for (const [i, id] of ids.entries()) {
            expect(nexts.get(id)).toContain(ids[(i + 1) % ids.length]);
          }
          expect(cycle.on).toBe(own < Infinity);
          if (cycle.on) expect([ids[0], ids.length]).toEqual([it.id, own]);
          else expect(far(it.id, ids[0] ?? '')).toBeLessThan(Infinity);
        }
      }),
      { numRuns: 2_000 },
    );
    expect(circles).toBeGreaterThan(500);
  });

  test('in whatever order the records come', () => {
    const shuffled = world.chain((all) =>
      fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length })),
    );
    fc.assert(
      fc.property(shuffled, ([one, other]) => {
        for (const { id } of one) expect(told(id, other)).toEqual(told(id, one));
      }),
    );
  });
});

/** The fewest steps, at least one, from one to another. */
function distances(nexts: ReadonlyMap<string, ReadonlySet<string>>) {
  return (from: string, to: string): number => {
    let at = new Set([from]);
    for (let steps = 1; steps <= nexts.size; steps++) {
      at = new Set([...at].flatMap((id) => [...(nexts.get(id) ?? [])]));
      if (at.has(to)) return steps;
    }
    return Infinity;
  };
}
