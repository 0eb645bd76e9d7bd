import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Claimed, Outcome, Store, StoreOptions } from '../../../src/pipeline/store.js';
import { nodeClock } from '../../clock.js';
import { lmdb } from '../lmdb.js';
import { Programs } from './fixtures/programs.js';

const day = 86_400_000;
const options: StoreOptions = {
  clock: nodeClock,
  dedupe: day,
  dedupeMax: 1_000_000,
  deadAge: day,
  deadMax: 10_000,
  logger: { warn: () => {} },
};

let programs: Programs;
beforeAll(() => (programs = new Programs()));
afterAll(() => programs.close());

/** Pushes, claims and moves without end; tells what was answered, once it was. */
const busy = `
const name = process.argv[3] ?? 'w' + process.pid;
const store = await lmdb(folder).open('orders', options);
const { body } = store.pack({ text: 'x'.repeat(300) });
let seq = 0, count = 0;
const op = () => ({ worker: name, seq: seq++ });
// With an end, so that a line that was cut off is not taken for a whole one.
const tell = (what, refs) => say([what, ...refs, '.'].join(' '));
say('open');
const pusher = async (n) => {
  for (;;) {
    const ids = Array.from({ length: 1 + (count % 7) }, () => name + '-' + count++);
    await store.push(ids.map((ref) => ({ ref, given: true, queue: 'a', body, key: n === 0 ? 'k' + (count % 3) : undefined })), [], op());
    tell('pushed', ids);
  }
};
const mover = async (queue, next) => {
  let claims = [];
  for (;;) {
    const outcomes = claims.map(({ ref, token }) => ({
      ref, queue, token, kind: 'done',
      next: next === undefined ? [] : [{ ref, given: true, queue: next, body }],
    }));
    const turned = await store.turn(outcomes, [{ queue, max: 9, lease: 60_000 }], op());
    const moved = claims.filter((_, i) => turned.held[i]).map(({ ref }) => ref);
    if (moved.length > 0) tell(next === undefined ? 'finished' : 'moved', moved);
    claims = turned.claims;
  }
};
await Promise.all([pusher(0), pusher(1), mover('a', 'b'), mover('b'), mover('a', 'b')]);
`;

/** What was told of, by what was told. */
function told(lines: readonly string[], what: string): string[] {
  return lines
    .filter((line) => line.startsWith(`${what} `) && line.endsWith(' .'))
    .flatMap((line) => line.split(' ').slice(1, -1));
}

async function everything(store: Store): Promise<number> {
  const { queues } = await store.counts();
  return Object.values(queues).reduce(
    (sum, { input, held, working, waiting }) => sum + input + held + working + waiting,
    0,
  );
}

/** All of a state, by pages. */
async function listed(store: Store, queue: string): Promise<string[]> {
  const all: string[] = [];
  for (const state of ['input', 'held', 'working', 'waiting'] as const) {
    let after: string | undefined;
    do {
      const page = await store.range(queue, state, { limit: 500, ...(after && { after }) });
      all.push(...page.commands.map(({ ref }) => ref));
      after = page.next;
    } while (after !== undefined);
  }
  return all;
}

test(
  'a process that is killed leaves a store with all that it answered',
  { timeout: 120_000 },
  async () => {
    const folder = programs.place();
    const pushed: string[] = [];
    const moved: string[] = [];
    const finished: string[] = [];
    for (let round = 0; round < 12; round++) {
      const children = [programs.start(folder, busy), programs.start(folder, busy)];
      await Promise.all(children.map((child) => child.line(/^(pushed|moved)/)));
      // At another moment each time: after so many lines that it told.
      const [first] = children;
      await new Promise<void>((resolve) => {
        let left = 1 + ((round * 17) % 60);
        first?.process.stdout?.on('data', () => --left === 0 && resolve());
      });
      for (const child of children) child.process.kill('SIGKILL');
      await Promise.all(children.map(({ ended }) => ended));
      for (const { lines, errors } of children) {
        expect(errors).toBe('');
        pushed.push(...told(lines, 'pushed'));
        moved.push(...told(lines, 'moved'));
        finished.push(...told(lines, 'finished'));
      }
    }
    const store = await lmdb(folder).open('orders', options);
    expect(pushed.length).toBeGreaterThan(100);
    expect(finished.length).toBeGreaterThan(10);
    // What one has pushed another may have finished, though the one was killed before it told of it.
    const all = [...new Set([...pushed, ...moved, ...finished])];
    const states = new Map((await store.find(all)).map((found, i) => [all[i], found] as const));
    expect(pushed.filter((ref) => states.get(ref) === undefined)).toEqual([]);
    expect(moved.filter((ref) => states.get(ref)?.queue === 'a')).toEqual([]);
    const unfinished = finished.filter((ref) => states.get(ref)?.state !== 'finished');
    expect(unfinished.map((ref) => [ref, states.get(ref)])).toEqual([]);
    // What is counted is what is there, each in one place.
    const there = [...(await listed(store, 'a')), ...(await listed(store, 'b'))];
    expect(new Set(there).size).toBe(there.length);
    expect(await everything(store)).toBe(there.length);
    // And all of it can be worked on.
    const worker = { name: 'last', seq: 0 };
    const op = () => ({ worker: worker.name, seq: worker.seq++ });
    let left = there.length;
    const inFuture = { ...nodeClock, wall: () => Date.now() + 120_000 };
    const later = await lmdb(folder).open('orders', { ...options, clock: inFuture });
    while (
      (
        await later.reap([
          { queue: 'a', retries: 99 },
          { queue: 'b', retries: 99 },
        ])
      ).expired.length > 0
    );
    let claims: readonly Claimed[] = [];
    do {
      const outcomes = claims.map((claim): Outcome => ({ ...claim, kind: 'done', next: [] }));
      const wants = ['a', 'b'].map((queue) => ({ queue, max: 200, lease: 60_000 }));
      const turned = await later.turn(outcomes, wants, op());
      left -= turned.held.filter(Boolean).length;
      claims = turned.claims;
    } while (claims.length > 0);
    expect(left).toBe(0);
    expect((await later.counts()).queues).toEqual({});
    await Promise.all([store.close(), later.close()]);
  },
);

test(
  'a process that was killed does not keep the others from working',
  { timeout: 60_000 },
  async () => {
    const folder = programs.place();
    const store = await lmdb(folder).open('orders', options);
    const { body } = store.pack(1);
    let seq = 0;
    for (let round = 0; round < 10; round++) {
      const child = programs.start(folder, busy);
      await child.line(/^pushed/);
      const entry = { ref: `mine-${round}`, given: true, queue: 'mine', body };
      const pushing = store.push([entry], [], { worker: 'mine', seq: seq++ });
      child.process.kill('SIGKILL');
      expect((await pushing).states).toEqual(['queued']);
      await child.ended;
      expect((await store.find([entry.ref]))[0]?.state).toBe('input');
    }
    await store.close();
  },
);
