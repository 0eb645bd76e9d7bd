import { expect, test } from 'vitest';
import type { Discovery } from '../discovery/discovery.js';
import type { InstanceRecord, Rely } from '../discovery/record.js';
import { defaultLimits } from '../limits.js';
import { MemoryHost } from '../testing/memory-host.js';
import { turns } from '../testing/recorder.js';
import { makeDservice } from './dservice.js';
import { Server } from './server.js';
import { WholeRecords } from './whole-records.js';

const api = { shout: (s: string) => s.toUpperCase() };

function makeRecord(part: Partial<InstanceRecord> = {}): InstanceRecord {
  return {
    ...{ id: '00000000000000aa', name: 'b', version: '1.0.0', endpoints: ['memory:1'] },
    ...{ state: 'waiting', relies: [], ...part },
  };
}

/** As multicast DNS: what an instance relies on is more than an announcement holds. */
function cut(discovery: Discovery): Discovery {
  return {
    ...discovery,
    browse: (name, listener) =>
      discovery.browse(name, (event) => {
        const { record } = event;
        const { id, name: of, version, endpoints, state } = record;
        const partial = { id, name: of, version, endpoints, state, relies: [], partial: true };
        listener({ ...event, record: record.relies.length > 0 ? partial : record });
      }),
  };
}

/** Services of which a discovery does not tell what they rely on, `b@^1 c`. */
function makeTown() {
  const host = new MemoryHost();
  const make = makeDservice({ ...host.runtime, discover: () => cut(host.discovery()) });
  const ends = new Map<string, string>();
  const start = (what: string, relies: string, startTimeout = 30_000) => {
    const service = make(what, api, { startTimeout, logger: { warn: () => {} } });
    for (const query of relies.split(' ').filter(Boolean)) service.rely(query);
    service.start().then(
      () => ends.set(what, 'up'),
      ({ code, message }: { code: string; message: string }) =>
        ends.set(what, `${code} ${message.split(': ')[0]}`),
    );
    return service;
  };
  return { host, clock: host.clock, start, ends };
}

test('instances in a circle are asked for what was not announced, once each, and name it', async () => {
  const { host, clock, start, ends } = makeTown();
  const a = start('a@1.0.0', 'b@^2');
  start('b@2.1.0', 'c');
  await clock.advance(1_000);
  // Nobody is asked what those rely on that do not wait.
  start('c@1.0.0', 'a');
  await clock.advance(700);
  expect(Object.fromEntries(ends)).toEqual({
    'a@1.0.0': 'ERR_DEPENDENCY_CYCLE a@1.0.0 → b@2.1.0 → c@1.0.0 → a',
    'b@2.1.0': 'ERR_DEPENDENCY_CYCLE b@2.1.0 → c@1.0.0 → a@1.0.0 → b',
    'c@1.0.0': 'ERR_DEPENDENCY_CYCLE c@1.0.0 → a@1.0.0 → b@2.1.0 → c',
  });
  expect(a.state).toBe('stuck');
  expect(host.dialled).toHaveLength(6);
  expect(host.open()).toBe(0);
  await clock.advance(5_000);
  expect(clock.pending).toBe(0);
});

test('one that begins when others of its circle are stuck already asks those, too', async () => {
  const { clock, start, ends } = makeTown();
  start('a@1.0.0', 'b');
  start('b@1.0.0', 'a');
  await clock.advance(3_000);
  start('d@1.0.0', 'a');
  await clock.advance(700);
  expect(ends.get('d@1.0.0')).toMatch(/^ERR_DEPENDENCY there is no a/);
});

test('who answers must be that instance, in name, version and id, and say something of sense', async () => {
  const { host, clock, start, ends } = makeTown();
  const air = host.discovery();
  const service = { id: '00000000000000aa', name: 'b', version: '1.0.0' };
  const { scope } = host.runtime;
  const serve = async (relies: () => unknown, as: object): Promise<string> => {
    // What it says is not what it is to say.
    const given = { relies: relies as () => [], service: { ...service, ...as } };
    const server = new Server(api, { clock, scope, limits: defaultLimits, ...given });
    const accept = (channel: Parameters<typeof server.accept>[0]) => server.accept(channel);
    const listener = await host.runtime.listen({}, defaultLimits, accept);
    return listener.endpoints[0] ?? '';
  };
  const right = () => [{ name: 'a', range: '' }];
  const liars: (readonly [relies: () => unknown, as: object])[] = [
    [right, { id: 'ffffffffffffffff' }],
    [right, { name: 'c' }],
    [right, { version: '1.0.1' }],
    [() => 'rubbish', {}],
    [() => [{ name: 'A/', range: '' }], {}],
    [() => [{ name: 'a' }], {}],
    [() => Array.from({ length: 257 }, () => ({ name: 'a', range: '' })), {}],
    [() => Promise.reject(new Error('no')), {}],
    [() => new Promise(() => {}), {}],
  ];
  for (const [i, [relies, as]] of liars.entries()) {
    const endpoints = [await serve(relies, as)];
    const lie = air.announce(makeRecord({ ...service, endpoints, partial: true, relies: right() }));
    const a = start(`a@0.0.${i}`, 'b', 10_000);
    await clock.advance(9_000);
    expect([i, [...ends]]).toEqual([i, []]);
    await a.stop(0);
    await lie.withdraw();
    await turns(5);
    ends.clear();
  }
  // The same, told the truth.
  const endpoints = [await serve(right, {})];
  air.announce(makeRecord({ ...service, endpoints, partial: true, relies: right() }));
  start('a@1.0.0', 'b');
  await clock.advance(1_000);
  expect([...ends.values()]).toEqual(['ERR_DEPENDENCY_CYCLE a@1.0.0 → b@1.0.0 → a']);
});

test('of many that do not answer, eight are asked at one time; the service waits, and hears why', async () => {
  const { host, clock, start, ends } = makeTown();
  const air = host.discovery();
  for (let i = 0; i < 100; i++) {
    const endpoints = [`memory:x${i}`];
    host.silence(`memory:x${i}`);
    const id = i.toString(16).padStart(16, '0');
    air.announce(makeRecord({ id, endpoints, relies: [{ name: 'z', range: '' }] }));
  }
  start('a@1.0.0', 'b', 12_000);
  await clock.advance(1_000);
  expect(host.dialled).toHaveLength(8);
  await clock.advance(5_000);
  expect(host.dialled).toHaveLength(16);
  await clock.advance(20_000);
  expect(ends.get('a@1.0.0')).toMatch(/^ERR_DEPENDENCY after 12000 ms/);
  expect(host.dialled.length).toBeLessThanOrEqual(24);
  expect(clock.pending).toBe(0);
});

test('an instance is asked again only as of another record, and never once it has answered', async () => {
  const asked: InstanceRecord[] = [];
  const answers: (readonly Rely[] | Error)[] = [new Error('no'), [{ name: 'a', range: '' }]];
  const records = new WholeRecords({
    ask(record) {
      asked.push(record);
      const answer = answers.shift();
      return Array.isArray(answer) ? Promise.resolve(answer) : Promise.reject(answer);
    },
  });
  const first = makeRecord({ partial: true });
  const both = [records.complete([first, { ...first }]), records.complete([first])];
  expect(await Promise.all(both)).toEqual([[first, first], [first]]);
  expect(asked).toHaveLength(1);
  const next = { ...first, state: 'stuck' as const };
  const { partial: _, ...rest } = next;
  expect(await records.complete([next])).toEqual([{ ...rest, relies: [{ name: 'a', range: '' }] }]);
  expect(records.whole(first).relies).toHaveLength(1);
  expect(asked).toEqual([first, next]);
});

test('256 instances are asked, and no more', async () => {
  let asked = 0;
  const records = new WholeRecords({ ask: () => Promise.resolve((asked++, [])) });
  const all = Array.from({ length: 1_000 }, (_, i) =>
    makeRecord({ id: i.toString(16).padStart(16, '0'), partial: true }),
  );
  const whole = await records.complete(all);
  expect(asked).toBe(256);
  expect(whole.filter(({ partial }) => partial === true)).toHaveLength(744);
});
