import { beforeEach, describe, expect, test } from 'vitest';
import { VirtualClock } from '../../src/testing/virtual-clock.js';
import { Cache } from './cache.js';
import type { PtrRr, Question, Rr, SrvRr, TxtRr } from './message.js';
import { serviceType } from './names.js';

const instance = `greeter-0123456789abcdef.${serviceType}`;
const host = '0123456789abcdef.local';
const ptr = (target = instance, ttl = 4500): PtrRr => ({
  name: serviceType,
  type: 'PTR',
  ttl,
  flush: false,
  data: target,
});
const srv = (port = 5, ttl = 120, target = host): SrvRr => ({
  name: instance,
  type: 'SRV',
  ttl,
  flush: true,
  data: { priority: 0, weight: 0, port, target },
});
const txt = (text: string, ttl = 4500): TxtRr => ({
  name: instance,
  type: 'TXT',
  ttl,
  flush: true,
  data: [Buffer.from(text)],
});
const address = (data: string, ttl = 120): Rr => ({
  name: host,
  type: 'A',
  ttl,
  flush: true,
  data,
});
const gone = (rr: Rr): Rr => ({ ...rr, ttl: 0 });

let clock: VirtualClock;
let cache: Cache;
let changed: string[];
let asked: { at: number; question: Question }[];
let wanted: boolean;

beforeEach(() => {
  clock = new VirtualClock();
  changed = [];
  asked = [];
  wanted = true;
  cache = makeCache();
});

function makeCache(max?: number): Cache {
  return new Cache({
    clock,
    changed: (instances) => changed.push(...instances),
    refresh: (questions) => {
      for (const question of questions) asked.push({ at: clock.now() / 1000, question });
    },
    wanted: () => wanted,
    ...(max === undefined ? {} : { max }),
  });
}

test('one packet tells all of an instance, in whatever order', () => {
  const touched = cache.receive([address('10.0.0.1'), txt('n=a'), srv(), ptr()], '10.0.0.1');
  expect([...touched]).toEqual([instance]);
  expect(cache.pointers(instance)).toEqual([ptr()]);
  expect(cache.srv(instance)).toEqual(srv());
  expect(cache.txt(instance)).toEqual(txt('n=a'));
  expect(cache.addresses(host)).toEqual(['10.0.0.1']);
});

test('what is heard again is nothing new; another address or another last word is', () => {
  cache.receive([ptr(), srv(), txt('n=a'), address('10.0.0.1')], '10.0.0.1');
  const receive = (...rrs: Rr[]) => cache.receive(rrs, '10.0.0.1').size;
  expect(receive(ptr(), srv(), txt('n=a'), address('10.0.0.1'))).toBe(0);
  expect(receive(address('10.0.0.2'))).toBe(1);
  expect(receive(txt('n=b'))).toBe(1);
  expect(receive(txt('n=a'))).toBe(1);
  expect(receive(gone(address('10.0.0.2')))).toBe(1);
  expect(receive(address('10.0.0.2'))).toBe(1);
});

test('what is of no interest is not kept', () => {
  cache.receive(
    [
      { ...ptr(), name: '_http._tcp.local' },
      { ...ptr(), data: 'x._http._tcp.local' },
      { ...srv(), name: 'x._http._tcp.local' },
      address('10.0.0.1'), // of nobody
      { name: host, type: 'NSEC', ttl: 120, flush: true, data: ['A'] },
      { ...txt(''), data: Array.from({ length: 10 }, () => Buffer.alloc(255)) },
    ],
    '10.0.0.1',
  );
  expect(cache.size).toBe(0);
});

describe('expiry (RFC 6762 §10)', () => {
  test('at its TTL, and those it is about are looked at again', async () => {
    wanted = false;
    cache.receive([ptr(), srv()], '10.0.0.1');
    await clock.advance(119_999);
    expect(cache.srv(instance)).toBeDefined();
    await clock.advance(1);
    expect(cache.srv(instance)).toBeUndefined();
    expect(changed).toEqual([instance]);
    await clock.advance(4_380_000);
    expect(cache.size).toBe(0);
    expect(clock.pending).toBe(0);
  });

  test('what is heard again lives on', async () => {
    cache.receive([srv()], '10.0.0.1');
    await clock.advance(100_000);
    cache.receive([srv()], '10.0.0.1');
    await clock.advance(100_000);
    expect(cache.srv(instance)).toBeDefined();
    expect(cache.size).toBe(1);
  });

  test('it is asked for at 80, 85, 90 and 95 % of its time, and up to 2 % later (§5.2)', async () => {
    cache.receive([ptr(instance, 100)], '10.0.0.1');
    await clock.advance(100_000);
    expect(asked.map(({ question }) => question)).toEqual(
      Array(4).fill({ name: serviceType, type: 'PTR' }),
    );
    for (const [i, share] of [80, 85, 90, 95].entries()) {
      expect(asked[i]?.at).toBeGreaterThanOrEqual(share);
      expect(asked[i]?.at).toBeLessThanOrEqual(share + 2);
    }
  });

  test('it is not asked for when nobody wants it', async () => {
    wanted = false;
    cache.receive([ptr(instance, 100)], '10.0.0.1');
    await clock.advance(100_000);
    expect(asked).toEqual([]);
  });

  test('records of one packet are asked for together', async () => {
    cache.receive([srv(), address('10.0.0.1')], '10.0.0.1');
    await clock.advance(100_000);
    expect(asked.map(({ question: { type } }) => type)).toEqual(['SRV', 'A']);
    expect(asked[0]?.at).toBe(asked[1]?.at);
  });

  test('an answer to the first ends the asking', async () => {
    cache.receive([ptr(instance, 100)], '10.0.0.1');
    await clock.advance(82_000);
    cache.receive([ptr(instance, 100)], '10.0.0.1');
    await clock.advance(70_000);
    expect(asked.length).toBe(1);
  });
});

describe('goodbye (RFC 6762 §10.1)', () => {
  test('is seen at once, though the record is kept for a second', async () => {
    cache.receive([ptr(), srv(), txt('n=a'), address('10.0.0.1')], '10.0.0.1');
    expect([...cache.receive([gone(srv())], '10.0.0.1')]).toEqual([instance]);
    expect(cache.srv(instance)).toBeUndefined();
    expect(cache.size).toBe(4);
    await clock.advance(1000);
    expect(cache.size).toBe(3);
  });

  test('a record that is announced again within the second stays', async () => {
    cache.receive([ptr()], '10.0.0.1');
    cache.receive([gone(ptr())], '10.0.0.1');
    await clock.advance(500);
    cache.receive([ptr()], '10.0.0.1');
    await clock.advance(5000);
    expect(cache.pointers(instance)).toEqual([ptr()]);
  });

  test('out of one list is out of all', () => {
    const subtype = { ...ptr(), name: `_0011223344556677._sub.${serviceType}` };
    cache.receive([ptr(), subtype], '10.0.0.1');
    cache.receive([gone(ptr())], '10.0.0.1');
    expect(cache.pointers(instance)).toEqual([]);
  });

  test('of what is not known is nothing', () => {
    cache.receive([gone(ptr()), gone(srv())], '10.0.0.1');
    expect(cache.size).toBe(0);
  });
});

describe('the cache-flush bit (RFC 6762 §10.2)', () => {
  test('others of its set that are older than a second go within a second', async () => {
    cache.receive([srv(), address('10.0.0.1'), address('10.0.0.2')], '10.0.0.1');
    expect(cache.addresses(host)).toEqual(['10.0.0.1', '10.0.0.2']);
    await clock.advance(1001);
    cache.receive([address('10.0.0.3')], '10.0.0.1');
    await clock.advance(1000);
    expect(cache.addresses(host)).toEqual(['10.0.0.3']);
    expect(changed).toContain(instance);
  });

  test('others that came within the second stay: they are in another packet', async () => {
    cache.receive([srv(), address('10.0.0.1')], '10.0.0.1');
    await clock.advance(500);
    cache.receive([address('10.0.0.2')], '10.0.0.1');
    await clock.advance(2000);
    expect(cache.addresses(host)).toEqual(['10.0.0.1', '10.0.0.2']);
  });

  test('of what there is one of, the latest counts at once', async () => {
    cache.receive([srv(5), txt('n=a')], '10.0.0.1');
    await clock.advance(5000);
    cache.receive([srv(6), txt('n=b')], '10.0.0.1');
    expect(cache.srv(instance)).toEqual(srv(6));
    expect(cache.txt(instance)).toEqual(txt('n=b'));
  });

  test('shared records are not flushed', async () => {
    cache.receive([ptr()], '10.0.0.1');
    await clock.advance(5000);
    cache.receive([ptr(`other.${serviceType}`)], '10.0.0.2');
    await clock.advance(2000);
    expect(cache.listed(serviceType).length).toBe(2);
  });
});

test('known answers are those with more than half their time left, and say what is left', async () => {
  const question = { name: serviceType, type: 'PTR' } as const;
  cache.receive([ptr(instance, 100)], '10.0.0.1');
  await clock.advance(30_000);
  expect(cache.known(question)).toEqual([{ ...ptr(), ttl: 70 }]);
  await clock.advance(20_000);
  expect(cache.known(question)).toEqual([]);
});

describe('the bound', () => {
  test('who floods it loses his own', async () => {
    cache = makeCache(20);
    cache.receive([ptr(), srv(), txt('n=a'), address('10.0.0.1')], '10.0.0.1');
    for (let i = 0; i < 500; i++) cache.receive([ptr(`fake-${i}.${serviceType}`)], '10.0.0.66');
    await clock.advance(0);
    expect(cache.size).toBe(20);
    expect(cache.pointers(instance)).toEqual([ptr()]);
    expect(cache.srv(instance)).toBeDefined();
    expect(cache.pointers(`fake-499.${serviceType}`).length).toBe(1);
    expect(cache.pointers(`fake-1.${serviceType}`).length).toBe(0);
    expect(changed).toContain(`fake-1.${serviceType}`);
  });

  test('of one address, what was heard longest ago goes first', async () => {
    cache = makeCache(3);
    for (const i of [1, 2, 3]) cache.receive([ptr(`i${i}.${serviceType}`)], '10.0.0.1');
    await clock.advance(100);
    cache.receive([ptr(`i1.${serviceType}`)], '10.0.0.1');
    cache.receive([ptr(`i4.${serviceType}`)], '10.0.0.1');
    expect(cache.listed(serviceType).sort()).toEqual([1, 3, 4].map((i) => `i${i}.${serviceType}`));
  });
});

test('cleared, it holds nothing and waits for nothing', () => {
  cache.receive([ptr(), srv(), address('10.0.0.1')], '10.0.0.1');
  cache.clear();
  expect(cache.size).toBe(0);
  expect(clock.pending).toBe(0);
});
