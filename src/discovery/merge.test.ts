import { beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../clock.js';
import { DserviceError } from '../errors.js';
import { discoverySuite } from '../testing/discovery-suite.js';
import { VirtualClock } from '../testing/virtual-clock.js';
import type { Discovery, DiscoveryEvent } from './discovery.js';
import { memoryDiscovery, MemoryNetwork } from './memory.js';
import { mergeDiscoveries } from './merge.js';
import type { InstanceRecord } from './record.js';
import { staticDiscovery } from './static.js';

// Two networks at once must look like one.
describe('conformance', () => {
  discoverySuite({
    test,
    setup: () => {
      const networks = [new MemoryNetwork(), new MemoryNetwork()];
      const discoveries = [1, 2, 3].map(() =>
        mergeDiscoveries({
          clock: systemClock,
          discoveries: networks.map((network) => memoryDiscovery({ network, clock: systemClock })),
        }),
      );
      const teardown = async () => {
        for (const discovery of discoveries) await discovery.close();
      };
      return Promise.resolve({ discoveries, teardown });
    },
  });
});

const record: InstanceRecord = {
  id: '0123456789abcdef',
  name: 'a',
  version: '1.0.0',
  endpoints: ['x'],
  state: 'up',
  relies: [],
};

let clock: VirtualClock;
let one: Discovery;
let two: Discovery;

beforeEach(() => {
  clock = new VirtualClock();
  [one, two] = [new MemoryNetwork(), new MemoryNetwork()].map((network) =>
    memoryDiscovery({ network, clock }),
  ) as [Discovery, Discovery]; // as many as networks
});

test('what both hear is one instance, with the endpoints of both, until both lost it', async () => {
  const merged = mergeDiscoveries({ discoveries: [one, two], clock });
  const events: DiscoveryEvent[] = [];
  merged.browse('a', (event) => events.push(event));
  const first = two.announce({ ...record, endpoints: ['y'] });
  await clock.advance(0);
  const second = one.announce(record);
  await clock.advance(0);
  await first.withdraw();
  await clock.advance(0);
  await second.withdraw();
  await clock.advance(0);
  expect(events.map(({ type, record: { endpoints } }) => [type, endpoints])).toEqual([
    ['up', ['y']],
    ['update', ['x', 'y']],
    ['update', ['x']],
    ['down', ['x']],
  ]);
});

test('a list of endpoints goes along with what is found', async () => {
  const listed = staticDiscovery({ instances: [{ name: 'b', endpoints: ['z'] }], clock });
  const merged = mergeDiscoveries({ discoveries: [one, listed], clock });
  const names: string[] = [];
  merged.browse(undefined, ({ record: { name } }) => names.push(name));
  one.announce(record);
  await clock.advance(0);
  expect(names.sort()).toEqual(['a', 'b']);
  expect(merged.kind).toBe('memory+static');
});

describe('degraded', () => {
  /** A discovery that can be broken. */
  function breakable(kind: string) {
    const listeners = new Set<(reason: DserviceError | undefined) => void>();
    let degraded: DserviceError | undefined;
    const discovery: Discovery = {
      ...one,
      kind,
      get degraded() {
        return degraded;
      },
      onDegraded(listener) {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
    };
    const set = (message: string | undefined) => {
      degraded = message === undefined ? undefined : new DserviceError('ERR_DISCOVERY', message);
      for (const listener of listeners) listener(degraded);
    };
    return { discovery, set, listeners };
  }

  test('only when all are, saying why of each', async () => {
    const [a, b] = [breakable('a'), breakable('b')];
    const merged = mergeDiscoveries({ discoveries: [a.discovery, b.discovery], clock });
    const told: (string | undefined)[] = [];
    merged.onDegraded((reason) => told.push(reason?.message));
    a.set('no multicast');
    expect(merged.degraded).toBeUndefined();
    expect(merged.health).toMatchObject([
      { kind: 'a', degraded: { message: 'no multicast' } },
      { kind: 'b', degraded: undefined },
    ]);
    b.set('no answer');
    expect(merged.degraded).toMatchObject({
      code: 'ERR_DISCOVERY',
      message: 'a: no multicast; b: no answer',
    });
    a.set(undefined);
    expect(told).toEqual(['a: no multicast; b: no answer', undefined]);
    await merged.close();
    expect(a.listeners.size + b.listeners.size).toBe(0);
  });

  test('without any discovery there is nothing to find with', () => {
    const merged = mergeDiscoveries({ discoveries: [], clock });
    expect(merged.degraded).toMatchObject({ code: 'ERR_DISCOVERY' });
  });
});
