import { expect, test } from 'vitest';
import type { DserviceError } from '../errors.js';
import { VirtualClock } from '../testing/virtual-clock.js';
import { makeGate } from './gate.js';
import { type Arrival, Gates, type Place } from './gates.js';
import type { MethodOptions } from './method-options.js';

/** Calls at gates, and what became of each. */
class Door {
  readonly clock = new VirtualClock();
  readonly gates = new Gates(this.clock);
  readonly started: string[] = [];
  readonly late: [string, DserviceError][] = [];
  readonly places = new Map<string, Place>();

  enter(
    name: string,
    options: MethodOptions,
    more: Partial<Arrival> & { key?: unknown; onStart?: (place: Place) => void } = {},
  ): void {
    const { key = 'read', onStart, ...arrival } = more;
    const place = this.gates.enter(
      key,
      { ...options, gate: makeGate },
      {
        start: (at) => {
          this.started.push(name);
          onStart?.(at);
        },
        late: (error) => this.late.push([name, error]),
        ...arrival,
      },
    );
    this.places.set(name, place);
  }

  leave(...names: string[]): void {
    for (const name of names) this.places.get(name)!.leave();
  }
}

test('so many run, so many wait, and what is beyond is refused', () => {
  const door = new Door();
  const two = { concurrency: 2, queue: 1 };
  for (const name of ['a', 'b', 'c']) door.enter(name, two);
  expect(door.started).toEqual(['a', 'b']);
  expect(door.places.get('c')!.waits).toBe(true);
  expect(() => door.enter('d', two, { method: 'read' })).toThrow(
    expect.objectContaining({ code: 'ERR_BUSY', mayHaveRun: false, method: 'read' }),
  );
  door.leave('b');
  expect(door.started).toEqual(['a', 'b', 'c']);
  door.leave('b');
  door.enter('d', two);
  expect(door.started).toEqual(['a', 'b', 'c']);
  door.leave('a', 'c');
  expect(door.started).toEqual(['a', 'b', 'c', 'd']);
  door.leave('d');
  expect(door.gates.busy).toBe(0);
});

test('without a queue nothing waits; without a word of it, a hundred may', () => {
  const door = new Door();
  door.enter('a', { concurrency: 1, queue: 0 });
  expect(() => door.enter('b', { concurrency: 1, queue: 0 })).toThrow('busy');
  for (let i = 0; i < 100; i++) door.enter(`c${i}`, { concurrency: 1 });
  expect(() => door.enter('d', { concurrency: 1 })).toThrow('100 wait');
});

test('in order; who leaves the queue is not waited for', () => {
  const door = new Door();
  const one = { concurrency: 1 };
  for (const name of ['a', 'b', 'c', 'd']) door.enter(name, one);
  door.leave('c', 'a', 'b', 'd');
  expect(door.started).toEqual(['a', 'b', 'd']);
  expect(door.gates.busy).toBe(0);
});

test('a deadline counts while it waits, and no longer', async () => {
  const door = new Door();
  const one = { concurrency: 1, queue: 2 };
  door.enter('a', one, { deadline: 5 });
  door.enter('b', one, { deadline: 10, method: 'read' });
  door.enter('c', one, { deadline: 30 });
  await door.clock.advance(10);
  expect(door.late).toMatchObject([
    ['b', { code: 'ERR_DEADLINE', mayHaveRun: false, method: 'read' }],
  ]);
  // Its place in the queue is free again.
  door.enter('d', one);
  door.leave('a');
  expect(door.started).toEqual(['a', 'c']);
  await door.clock.advance(100);
  expect(door.late).toHaveLength(1);
  door.leave('c', 'd');
  expect(door.clock.pending).toBe(0);
});

test('keys have nothing to do with each other', () => {
  const door = new Door();
  const one = { concurrency: 1, queue: 0 };
  door.enter('a', one);
  door.enter('b', one, { key: 'write' });
  door.enter('c', one, { key: one });
  expect(door.started).toEqual(['a', 'b', 'c']);
  expect(door.gates.busy).toBe(3);
});

test('who cannot be told to come again waits, behind the others', () => {
  const door = new Door();
  const one = { concurrency: 1, queue: 1 };
  for (const name of ['a', 'b']) door.enter(name, one);
  door.enter('c', one, { patient: true });
  door.leave('a', 'b');
  expect(door.started).toEqual(['a', 'b', 'c']);
});

test('calls that end as soon as they begin are no stack of calls', () => {
  const door = new Door();
  const one = { concurrency: 1, queue: 100_000 };
  door.enter('first', one);
  for (let i = 0; i < 100_000; i++) {
    door.enter(String(i), one, { onStart: (place) => place.leave() });
  }
  door.leave('first');
  expect(door.started).toHaveLength(100_001);
  expect(door.started.at(-1)).toBe('99999');
  expect(door.gates.busy).toBe(0);
});

test('a call that comes in while another is let in waits for its turn, and gets it', () => {
  const door = new Door();
  const one = { concurrency: 1, queue: 5 };
  door.enter('a', one, {
    onStart: (place) => {
      door.enter('b', one);
      place.leave();
    },
  });
  expect(door.started).toEqual(['a', 'b']);
  door.leave('b');
  expect(door.gates.busy).toBe(0);
});

test('a method of another version, which brings no gate, is not run as if it had no bounds', () => {
  const door = new Door();
  expect(() => door.gates.enter('read', { concurrency: 1 }, { start() {}, late() {} })).toThrow(
    expect.objectContaining({ code: 'ERR_API', mayHaveRun: false }),
  );
  expect(door.gates.busy).toBe(0);
});
