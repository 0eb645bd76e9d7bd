import { expect, test } from 'vitest';
import { Exposed } from '../protocol/exposed.js';
import { options } from '../protocol/options.js';
import { codeOf, makeHost } from '../testing/fixtures/instances.js';
import { describe as describePeer } from './describe.js';
import { set } from './set.js';

// oxlint-disable-next-line no-explicit-any
type Loose = any;

class Counter extends Exposed.with('value') {
  value: number;
  constructor(start = 0) {
    super();
    this.value = start;
  }
  increment(): number {
    return ++this.value;
  }
}

test('what is shared, and classes, of a service', async () => {
  const { make, dservice } = makeHost();
  const counter = new Counter(1);
  await make('shop', { counter, Counter }, { logger: { warn() {} } }).start();
  const lines: string[] = [];
  const remote: Loose = await dservice({
    logger: { warn: (line: string) => void lines.push(line) },
  }).connect('shop');
  expect(await remote.counter.value).toBe(1);
  remote.counter.value = 5;
  expect(await remote.counter.increment()).toBe(6);
  await set(remote.counter, 'value', 8);
  expect(counter.value).toBe(8);
  expect(await codeOf(set(remote.counter, 'nothing', 8))).toBe('ERR_METHOD');
  const made = await new remote.Counter(40);
  expect([await made.increment(), await made.value]).toEqual([41, 41]);
  expect(await new remote.Counter(40).value).toBe(40);
  expect(await new (options(remote, { idempotent: true }).Counter)(7).increment()).toBe(8);
  expect(await codeOf(new remote.counter.increment())).toBe('ERR_METHOD');
  Object.freeze(counter);
  remote.counter.value = 9;
  await expect.poll(() => lines).toHaveLength(1);
  expect(lines[0]).toContain('"value"');
  // What a test puts there in place of a method stays.
  remote.fake = 5;
  expect(Reflect.has(remote, 'fake')).toBe(true);
  expect((await describePeer(remote)).methods.map(({ name }) => name)).toEqual([
    'counter.increment',
    'Counter',
  ]);
});
