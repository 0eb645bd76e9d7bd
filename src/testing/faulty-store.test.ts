import { expect, test } from 'vitest';
import { memory } from '../pipeline/memory.js';
import type { Store } from '../pipeline/store.js';
import { type CrashPoint, FaultyStores } from './faulty-store.js';
import { VirtualClock } from './virtual-clock.js';

function setup() {
  const clock = new VirtualClock();
  const faulty = new FaultyStores(memory(), clock);
  const open = () =>
    faulty.factory.open('p', {
      clock,
      dedupe: 1_000,
      dedupeMax: 10,
      deadAge: 1_000,
      deadMax: 10,
      logger: { warn: () => {} },
    });
  return { clock, faulty, open };
}

function push(store: Store, ref: string, seq: number) {
  const entry = { ref, given: true, queue: 'q', body: store.pack(ref).body };
  return store.push([entry], [], { worker: 'w', seq });
}

test('without faults it is the store it stands for', async () => {
  const { faulty, open } = setup();
  const store = await open();
  expect((await push(store, 'a', 0)).states).toEqual(['queued']);
  expect((await store.counts()).queues['q']?.input).toBe(1);
  expect(faulty.calls.map(({ name }) => name)).toEqual(['open', 'push', 'counts']);
  await store.close();
  await expect(store.flush()).rejects.toMatchObject({ code: 'ERR_CLOSED' });
});

test('what fails before was not done, what fails during was', async () => {
  const { faulty, open } = setup();
  const store = await open();
  faulty.next({ fails: 'before' }, 'push');
  faulty.next({ fails: 'during' }, 'push');
  await expect(push(store, 'a', 0)).rejects.toMatchObject({ code: 'ERR_STORE_AWAY' });
  expect(await store.find(['a'])).toEqual([undefined]);
  await expect(push(store, 'a', 0)).rejects.toMatchObject({ code: 'ERR_STORE_AWAY' });
  expect(await store.find(['a'])).toMatchObject([{ state: 'input' }]);
  expect((await push(store, 'a', 0)).states).toEqual(['queued']);
});

test('a plan says how each call fails', async () => {
  const { faulty, open } = setup();
  const store = await open();
  faulty.plan = ({ name }) => {
    if (name === 'push') return { fails: 'before', code: 'ERR_STORE_FULL' };
    return name === 'purge' ? { fails: 'before', code: 'ERR_STORE_READ_ONLY' } : undefined;
  };
  await expect(push(store, 'a', 0)).rejects.toMatchObject({ code: 'ERR_STORE_FULL' });
  await expect(store.purge(['a'])).rejects.toMatchObject({ code: 'ERR_STORE_READ_ONLY' });
  expect(await store.find(['a'])).toEqual([undefined]);
  faulty.plan = undefined;
  faulty.away = true;
  await expect(store.find(['a'])).rejects.toMatchObject({ code: 'ERR_STORE_AWAY' });
  await expect(open()).rejects.toMatchObject({ code: 'ERR_STORE_AWAY' });
  faulty.away = false;
  expect((await push(store, 'a', 0)).states).toEqual(['queued']);
});

test('an answer can be late', async () => {
  const { clock, faulty, open } = setup();
  const store = await open();
  faulty.next({ fails: 'never', delay: 100 });
  let answered = false;
  const answer = push(store, 'a', 0).then(() => (answered = true));
  await clock.advance(99);
  expect(answered).toBe(false);
  expect(await store.find(['a'])).toMatchObject([{ state: 'input' }]);
  await clock.advance(1);
  await answer;
});

test.each<[CrashPoint, boolean, boolean]>([
  ['before', false, false],
  ['during', true, false],
  ['after', true, true],
])('a crash %s a call', async (point, done, answered) => {
  const { clock, faulty, open } = setup();
  const store = await open();
  const before = await open();
  let wakes = 0;
  before.watch(() => wakes++);
  let answers = 0;
  faulty.crashAt(2, point);
  void push(store, 'a', 0).then(() => answers++);
  await clock.advance(10);
  expect(faulty.crashed).toBe(true);
  void push(store, 'b', 1).then(() => answers++);
  void store.flush().then(() => answers++);
  await clock.advance(10);
  expect(answers).toBe(answered ? 1 : 0);
  await faulty.restart();
  const after = await open();
  const found = await after.find(['a', 'b']);
  expect(found).toEqual([done ? { state: 'input', queue: 'q' } : undefined, undefined]);
  const woken = wakes;
  await push(after, 'c', 2);
  await clock.advance(10);
  expect(wakes).toBe(woken);
  await store.close();
});
