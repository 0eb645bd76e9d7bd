import { systemClock } from '../clock.js';
import type { Discovery, DiscoveryEvent } from '../discovery/discovery.js';
import type { InstanceRecord } from '../discovery/record.js';

/** Discoveries that see each other, and nobody else's. */
export interface DiscoverySetup {
  /** At least two. */
  readonly discoveries: readonly Discovery[];
  /** Closes what `setup` opened. The discoveries may be closed already. */
  teardown(): Promise<void>;
}

export interface DiscoverySuiteOptions {
  /** How the test runner is told of a test. */
  readonly test: (name: string, fn: () => Promise<void>) => void;
  /** Called anew for each test; twice at once in the first one. */
  readonly setup: () => Promise<DiscoverySetup>;
  /** An endpoint that the adapter can announce and hands on as it is; `tcp://127.0.0.1:<port>` if left out. */
  readonly endpoint?: (port: number) => string;
  /** Milliseconds after which an event that did not come fails the test; 10 000. It is never waited for when all is well. */
  readonly timeout?: number;
}

/**
 * What every discovery must do, whatever test runner looks on. For adapters written elsewhere too:
 *
 * `discoverySuite({ test, setup: async () => ({ discoveries: [a, b], teardown }) })`
 *
 * That something does not happen is shown by what happens after it: a marker is announced, and when
 * it has been heard, what should not have come before it has not.
 */
export function discoverySuite(options: DiscoverySuiteOptions): void {
  const { test, setup, timeout = 10_000 } = options;
  const endpoint = options.endpoint ?? ((port: number) => `tcp://127.0.0.1:${port}`);

  function makeRecord(name: string, part: Partial<InstanceRecord> = {}): InstanceRecord {
    return {
      id: randomId(),
      name,
      version: '1.2.3',
      endpoints: [endpoint(4001)],
      state: 'up',
      relies: [],
      ...part,
    };
  }

  const watch = (discovery: Discovery, name?: string) => new Watcher(discovery, name, timeout);

  function testWith(
    name: string,
    fn: (a: Discovery, b: Discovery, all: readonly Discovery[]) => Promise<void>,
  ): void {
    test(name, async () => {
      const { discoveries, teardown } = await setup();
      try {
        const [a, b] = discoveries;
        if (a === undefined || b === undefined) throw new Error('setup() gives two discoveries');
        await fn(a, b, discoveries);
      } finally {
        await teardown();
      }
    });
  }

  test('two setups do not see each other', async () => {
    const [one, two] = await Promise.all([setup(), setup()]);
    try {
      const [a, a2] = one.discoveries;
      const [b, b2] = two.discoveries;
      if (!a || !a2 || !b || !b2) throw new Error('setup() gives two discoveries');
      const seenByOne = watch(a2);
      const seenByTwo = watch(b2);
      const ofOne = makeRecord('isolated-one');
      const ofTwo = makeRecord('isolated-two');
      a.announce(ofOne);
      b.announce(ofTwo);
      await Promise.all([seenByOne.next('up', ofOne.id), seenByTwo.next('up', ofTwo.id)]);
      // Once more, so that what crossed slowly would be here now.
      const laterOne = makeRecord('isolated-one');
      const laterTwo = makeRecord('isolated-two');
      a.announce(laterOne);
      b.announce(laterTwo);
      await Promise.all([seenByOne.next('up', laterOne.id), seenByTwo.next('up', laterTwo.id)]);
      equal(namesOf(seenByOne), ['isolated-one'], 'what the first setup sees');
      equal(namesOf(seenByTwo), ['isolated-two'], 'what the second setup sees');
    } finally {
      await Promise.all([one.teardown(), two.teardown()]);
    }
  });

  testWith('what is announced comes up at others, as it was announced', async (a, b) => {
    const watcher = watch(b);
    const record = makeRecord('greeter.v2', {
      state: 'waiting',
      degraded: true,
      relies: [
        { name: 'store', range: '^2 || >=4.0.0 <5' },
        { name: 'log.sink', range: '*', optional: true },
      ],
    });
    a.announce(record);
    const { record: heard } = await watcher.next('up', record.id);
    equal(plain(heard), plain(record), 'the record');
  });

  testWith('what is known already is told first', async (a, b) => {
    const watcher = watch(b, 'known');
    const one = makeRecord('known');
    const two = makeRecord('known');
    a.announce(one);
    b.announce(two);
    await Promise.all([watcher.next('up', one.id), watcher.next('up', two.id)]);
    const late = watch(b, 'known');
    const three = makeRecord('known');
    a.announce(three);
    await late.next('up', three.id);
    equal(
      late.events
        .slice(0, 2)
        .map(({ record }) => record.id)
        .sort(),
      [one.id, two.id].sort(),
      'the first two',
    );
  });

  testWith('nothing is told synchronously', async (a, b) => {
    const first = watch(b);
    const record = makeRecord('later');
    const announcement = a.announce(record);
    equal(first.events.length, 0, 'events while announcing');
    await first.next('up', record.id);
    const second = watch(b);
    equal(second.events.length, 0, 'events while browsing');
    await second.next('up', record.id);
    const own = watch(a);
    await own.next('up', record.id);
    const before = own.events.length;
    announcement.update({ ...record, state: 'draining' });
    equal(own.events.length, before, 'events while updating');
    await own.next('update', record.id);
  });

  testWith('who browses later finds what was announced before', async (a, b) => {
    const record = makeRecord('early');
    a.announce(record);
    await watch(a).next('up', record.id);
    const { record: heard } = await watch(b, 'early').next('up', record.id);
    equal(plain(heard), plain(record), 'the record');
  });

  testWith('an update is told', async (a, b) => {
    const watcher = watch(b);
    const record = makeRecord('changing', { state: 'waiting' });
    const announcement = a.announce(record);
    await watcher.next('up', record.id);
    const next = { ...record, state: 'up' as const, endpoints: [endpoint(4002)] };
    announcement.update(next);
    const heard = await watcher.until(
      ({ type, record: now }) => type === 'update' && now.endpoints.join() === endpoint(4002),
    );
    equal(plain(heard.record), plain(next), 'the record');
  });

  testWith('an update that says the same is not told', async (a, b) => {
    const watcher = watch(b);
    const record = makeRecord('same');
    const announcement = a.announce(record);
    await watcher.next('up', record.id);
    announcement.update({ ...record });
    announcement.update({ ...record, state: 'draining' });
    await watcher.next('update', record.id);
    equal(typesOf(watcher, record.id), ['up', 'update'], 'the events');
  });

  testWith('what is withdrawn goes down, with the last record', async (a, b) => {
    const watcher = watch(b);
    const record = makeRecord('leaving');
    const announcement = a.announce(record);
    await watcher.next('up', record.id);
    await announcement.withdraw();
    const { record: last } = await watcher.next('down', record.id);
    equal(plain(last), plain(record), 'the record');
    equal(typesOf(watcher, record.id), ['up', 'down'], 'the events');
  });

  testWith('a second withdraw does nothing, nor does an update after it', async (a, b) => {
    const watcher = watch(b);
    const record = makeRecord('twice');
    const announcement = a.announce(record);
    await watcher.next('up', record.id);
    await Promise.all([announcement.withdraw(), announcement.withdraw()]);
    announcement.update({ ...record, state: 'draining' });
    await announcement.withdraw();
    await watcher.next('down', record.id);
    const marker = makeRecord('marker');
    a.announce(marker);
    await watcher.next('up', marker.id);
    equal(typesOf(watcher, record.id), ['up', 'down'], 'the events');
  });

  testWith('a name is told of alone, and all with all', async (a, b) => {
    const named = watch(b, 'wanted');
    const all = watch(b);
    const other = makeRecord('other');
    const wanted = makeRecord('wanted');
    a.announce(other);
    a.announce(wanted);
    await Promise.all([all.next('up', other.id), all.next('up', wanted.id)]);
    await named.next('up', wanted.id);
    equal(namesOf(named), ['wanted'], 'what the one saw');
    equal(namesOf(all), ['other', 'wanted'], 'what the other saw');
  });

  testWith('a discovery hears its own', async (a) => {
    const watcher = watch(a, 'own');
    const record = makeRecord('own');
    const announcement = a.announce(record);
    const { record: heard } = await watcher.next('up', record.id);
    equal(plain(heard), plain(record), 'the record');
    await announcement.withdraw();
    await watcher.next('down', record.id);
  });

  testWith('who stops browsing is told nothing more', async (a, b) => {
    const stopped = watch(b);
    const going = watch(b);
    const first = makeRecord('before');
    a.announce(first);
    await Promise.all([stopped.next('up', first.id), going.next('up', first.id)]);
    stopped.stop();
    stopped.stop();
    const second = makeRecord('after');
    a.announce(second);
    await going.next('up', second.id);
    equal(namesOf(stopped), ['before'], 'what the stopped one saw');
  });

  testWith('who stops at once is told nothing', async (a, b) => {
    const going = watch(b);
    const record = makeRecord('brief');
    a.announce(record);
    await going.next('up', record.id);
    const brief = watch(b);
    brief.stop();
    const marker = makeRecord('marker');
    a.announce(marker);
    await going.next('up', marker.id);
    equal(brief.events.length, 0, 'events of the one that stopped');
  });

  testWith('a listener that throws keeps nobody from hearing', async (a, b) => {
    const stop = b.browse(undefined, () => {
      throw new Error('from a listener');
    });
    const watcher = watch(b);
    const record = makeRecord('thrown');
    a.announce(record);
    await watcher.next('up', record.id);
    stop();
  });

  testWith('closing withdraws, ends browsing, and may be repeated', async (a, b) => {
    const watcher = watch(b);
    const own = watch(a);
    const one = makeRecord('closing-one');
    const two = makeRecord('closing-two');
    const announcement = a.announce(one);
    a.announce(two);
    await Promise.all([watcher.next('up', one.id), watcher.next('up', two.id)]);
    await Promise.all([own.next('up', one.id), own.next('up', two.id)]);
    const told = own.events.length;
    await Promise.all([a.close(), a.close()]);
    await Promise.all([watcher.next('down', one.id), watcher.next('down', two.id)]);
    await announcement.withdraw();
    announcement.update(one);
    const never = makeRecord('closing-never');
    await a.announce(never).withdraw();
    a.browse(undefined, () => {})();
    equal(own.events.length, told, 'events after closing');
    equal(namesOf(watcher), ['closing-one', 'closing-two'], 'what others saw');
  });

  testWith('instances of one name are told apart by id', async (a, b) => {
    const watcher = watch(b, 'twins');
    const one = makeRecord('twins', { endpoints: [endpoint(4001)] });
    const two = makeRecord('twins', { endpoints: [endpoint(4002)] });
    const first = a.announce(one);
    a.announce(two);
    await Promise.all([watcher.next('up', one.id), watcher.next('up', two.id)]);
    await first.withdraw();
    await watcher.next('down', one.id);
    equal(typesOf(watcher, two.id), ['up'], 'events of the other');
  });

  testWith('both sides announce and browse', async (a, b) => {
    const seenByA = watch(a, 'mutual');
    const seenByB = watch(b, 'mutual');
    const ofA = makeRecord('mutual');
    const ofB = makeRecord('mutual');
    a.announce(ofA);
    b.announce(ofB);
    for (const watcher of [seenByA, seenByB]) {
      await Promise.all([watcher.next('up', ofA.id), watcher.next('up', ofB.id)]);
    }
  });

  testWith('many records are all told', async (a, b) => {
    const watcher = watch(b);
    const records = Array.from({ length: 50 }, (_, i) => makeRecord(`many-${i % 5}`));
    const announcements = records.map((record) => a.announce(record));
    await Promise.all(records.map(({ id }) => watcher.next('up', id)));
    await Promise.all(announcements.map((announcement) => announcement.withdraw()));
    await Promise.all(records.map(({ id }) => watcher.next('down', id)));
    for (const { id } of records) equal(typesOf(watcher, id), ['up', 'down'], 'the events of one');
  });

  testWith('events of one instance come in order', async (a, b) => {
    const watcher = watch(b);
    const record = makeRecord('ordered', { state: 'waiting' });
    const announcement = a.announce(record);
    await watcher.next('up', record.id);
    for (const state of ['up', 'draining'] as const) {
      announcement.update({ ...record, state });
      await watcher.until((event) => event.record.state === state);
    }
    await announcement.withdraw();
    await watcher.next('down', record.id);
    equal(
      watcher.events.map(({ type, record: { state } }) => `${type} ${state}`),
      ['up waiting', 'update up', 'update draining', 'down draining'],
      'the events',
    );
  });

  testWith('every discovery sees it', async (a, _b, all) => {
    const watchers = all.map((discovery) => watch(discovery, 'everywhere'));
    const record = makeRecord('everywhere');
    const announcement = a.announce(record);
    await Promise.all(watchers.map((watcher) => watcher.next('up', record.id)));
    await announcement.withdraw();
    await Promise.all(watchers.map((watcher) => watcher.next('down', record.id)));
  });

  testWith('it is not degraded while it works', async (a, b) => {
    const watcher = watch(b);
    const stop = b.onDegraded(() => {});
    const record = makeRecord('healthy');
    a.announce(record);
    await watcher.next('up', record.id);
    equal(b.degraded, undefined, 'degraded');
    stop();
  });
}

/** Collects the events of one browsing, and waits for some. */
class Watcher {
  readonly events: DiscoveryEvent[] = [];
  readonly stop: () => void;
  readonly #timeout: number;
  readonly #waiting = new Set<() => void>();

  constructor(discovery: Discovery, name: string | undefined, timeout: number) {
    this.#timeout = timeout;
    this.stop = discovery.browse(name, (event) => {
      this.events.push(event);
      for (const look of [...this.#waiting]) look();
    });
  }

  next(type: DiscoveryEvent['type'], id: string): Promise<DiscoveryEvent> {
    return this.until((event) => event.type === type && event.record.id === id, `${type} ${id}`);
  }

  /** The first event, past or to come, that is so. */
  until(is: (event: DiscoveryEvent) => boolean, what = is.toString()): Promise<DiscoveryEvent> {
    return new Promise((resolve, reject) => {
      const look = () => {
        const found = this.events.find(is);
        if (found === undefined) return;
        cancel();
        this.#waiting.delete(look);
        resolve(found);
      };
      const cancel = systemClock.after(this.#timeout, () => {
        this.#waiting.delete(look);
        const seen = this.events.map(({ type, record }) => `${type} ${record.name} ${record.id}`);
        reject(new Error(`Did not come: ${what}. What came: ${seen.join(', ') || 'nothing'}`));
      });
      this.#waiting.add(look);
      look();
    });
  }
}

function namesOf({ events }: Watcher): string[] {
  return [...new Set(events.map(({ record }) => record.name))].sort();
}

function typesOf({ events }: Watcher, id: string): string[] {
  return events.filter(({ record }) => record.id === id).map(({ type }) => type);
}

/** With all fields, in one order. */
function plain(record: InstanceRecord): unknown {
  const { id, name, version, endpoints, state, relies, degraded = false } = record;
  const relied = relies.map(({ name: on, range, optional = false }) => ({ on, range, optional }));
  return { id, name, version, endpoints, state, relies: relied, degraded };
}

function equal(actual: unknown, expected: unknown, what: string): void {
  const [is, should] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (is !== should) throw new Error(`${what}: ${is} instead of ${should}`);
}

function randomId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(8));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}
