import { expect, test } from 'vitest';
import { memoryDiscovery, MemoryNetwork } from '../../src/discovery/memory.js';
import type { InstanceRecord } from '../../src/discovery/record.js';
import { VirtualClock } from '../../src/testing/virtual-clock.js';
import { makeRecord } from '../mdns/fixtures/record.js';
import { beyond } from './beyond.js';

/** Rendezvous `a` and `b`, whose client is the same one, and what others hear of it. */
function makeTwo() {
  const clock = new VirtualClock();
  const network = new MemoryNetwork();
  const discovery = () => memoryDiscovery({ network, clock });
  const record = makeRecord({ name: 'button', endpoints: [] });
  const told: string[] = [];
  discovery().browse('button', ({ type, record: { endpoints } }) => {
    told.push([type, ...endpoints].join(' '));
  });
  const join = (at: string) => {
    const outside = beyond(discovery(), clock);
    const heard: InstanceRecord[] = [];
    outside.browse(undefined, ({ record: it }) => heard.push(it));
    const announcement = outside.announce({ ...record, endpoints: [`ws://${at}`] });
    return { at: `ws://${at}`, outside, heard, announcement };
  };
  return { clock, record, told, join };
}

test('an instance that is at two is announced by one of them, and by the other when that goes', async () => {
  const { clock, told, join } = makeTwo();
  const both = [join('a'), join('b')];
  await clock.advance(99);
  expect(told).toEqual([]);
  await clock.advance(60_000);
  expect(told).toHaveLength(1);
  const [first, other] = told[0] === 'up ws://a' ? both : both.toReversed();
  expect(told).toEqual([`up ${first?.at}`]);
  await first?.outside.retire();
  await clock.advance(500);
  expect(told.slice(1)).toEqual([`down ${first?.at}`, `up ${other?.at}`]);
});

test('one that was withdrawn before its turn is not announced', async () => {
  const { clock, told, join } = makeTwo();
  await join('a').announcement.withdraw();
  await clock.advance(1_000);
  expect(told).toEqual([]);
});

test('what is heard keeps its endpoints to itself', async () => {
  const { clock, record, join } = makeTwo();
  const [a, b] = [join('a'), join('b')];
  await clock.advance(1_000);
  expect([...a.heard, ...b.heard].flatMap(({ endpoints }) => endpoints)).toEqual([]);
  const [outside] = [a, b].map((it) => it.outside).filter((it) => it.heard(record.id).length > 0);
  expect(outside?.heard(record.id)).toHaveLength(1);
});
