import dnsPacket from 'dns-packet';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { VirtualClock } from '../../src/testing/virtual-clock.js';
import { fromPacket, isPlausible, toPacket } from './codec.js';
import { makeRecord } from './fixtures/record.js';
import { selectInterfaces } from './interfaces.js';
import { makeMessage, rrSize, type Message, type Rr } from './message.js';
import { mdns } from './mdns.js';
import { packGroups, packQuery, packetSize } from './packets.js';
import { hostWith, Wire } from './fixtures/wire.js';
import { defaultTtls, zoneOf } from './zone.js';

const encode = (message: Message) => dnsPacket.encode(toPacket(message));
const decode = (bytes: Buffer) => fromPacket(dnsPacket.decode(bytes));

function rrs(): Rr[] {
  const [lo] = selectInterfaces(hostWith(undefined), 'local');
  const zone = lo && zoneOf(makeRecord({ endpoints: ['tcp://127.0.0.1:5'] }), lo, defaultTtls);
  if (zone === undefined) throw new Error('unreachable');
  return [...zone.rrs, { ...zone.nsec, type: 'AAAA', data: 'fd00::1' }, zone.nsec];
}

test('a message comes back as it was', () => {
  const message = makeMessage({
    response: true,
    id: 7,
    truncated: true,
    questions: [{ name: '_dservice._tcp.local', type: 'PTR', unicast: false }],
    answers: rrs(),
    additionals: rrs(),
  });
  expect(decode(encode(message))).toEqual(message);
});

test('the size of a record is what it takes', () => {
  const empty = encode(makeMessage({ response: true })).length;
  for (const rr of rrs()) {
    const taken = encode(makeMessage({ response: true, answers: [rr] })).length - empty;
    expect(Math.abs(rrSize(rr) - taken), rr.type).toBeLessThanOrEqual(rr.type === 'NSEC' ? 8 : 0);
  }
});

test('the unicast bit of a question is read', () => {
  const bytes = encode(makeMessage({ questions: [{ name: 'a.local', type: 'A' }] }));
  bytes.writeUInt16BE(0x8001, bytes.length - 2);
  expect(decode(bytes)?.questions).toEqual([{ name: 'a.local', type: 'A', unicast: true }]);
});

test('other opcodes, and errors, are ignored', () => {
  const bytes = encode(makeMessage({ response: true }));
  for (const flags of [0x8800, 0x8003]) {
    bytes.writeUInt16BE(flags, 2);
    expect(decode(bytes)).toBeUndefined();
  }
});

test('a packet that promises more than it holds is refused unread', () => {
  const bytes = encode(makeMessage({ response: true, answers: rrs() }));
  expect(isPlausible(bytes)).toBe(true);
  bytes.writeUInt16BE(0xffff, 6);
  expect(isPlausible(bytes)).toBe(false);
  expect(isPlausible(Buffer.alloc(11))).toBe(false);
  expect(isPlausible(Buffer.alloc(9001))).toBe(false);
});

test('records that do not fit into one packet go into several, none twice in one', () => {
  const many = Array.from({ length: 30 }, () => {
    const all = rrs();
    return { answers: all, additionals: all };
  });
  const messages = packGroups(many);
  expect(messages.length).toBeGreaterThan(5);
  for (const message of messages) {
    expect(encode(message).length).toBeLessThanOrEqual(packetSize);
    expect(message.additionals).toEqual([]);
  }
  const sent = messages.flatMap(({ answers }) => answers.map((rr) => rr.name));
  for (const { answers } of many) expect(sent).toContain(answers[2]?.name);
});

test('known answers that do not fit follow, and all packets but the last say so', () => {
  const question = { name: '_dservice._tcp.local', type: 'PTR' } as const;
  const known = Array.from({ length: 60 }, () => rrs()[0] as Rr); // the first is there
  const messages = packQuery([{ question, known }]);
  expect(messages.length).toBeGreaterThan(3);
  expect(messages.map(({ questions }) => questions.length)).toEqual([
    1,
    ...messages.slice(1).map(() => 0),
  ]);
  expect(messages.map(({ truncated }) => truncated)).toEqual([
    ...messages.slice(1).map(() => true),
    false,
  ]);
  expect(messages.flatMap(({ answers }) => answers)).toEqual(known);
  for (const message of messages) expect(encode(message).length).toBeLessThanOrEqual(packetSize);
});

test('many questions go into several packets', () => {
  const queries = Array.from({ length: 60 }, (_, i) => ({
    question: { name: `${'x'.repeat(60)}-${i}._dservice._tcp.local`, type: 'SRV' as const },
    known: [],
  }));
  const messages = packQuery(queries);
  expect(messages.flatMap(({ questions }) => questions)).toEqual(
    queries.map(({ question }) => question),
  );
  for (const message of messages) {
    expect(message.truncated).toBe(false);
    expect(encode(message).length).toBeLessThanOrEqual(packetSize);
  }
});

test('no bytes end it, and it works after any', async () => {
  const clock = new VirtualClock();
  const wire = new Wire(clock);
  const make = () =>
    mdns({
      reach: 'local',
      clock,
      open: wire.transport,
      networkInterfaces: () => hostWith(undefined),
    });
  const [a, b] = [make(), make()];
  const seen: string[] = [];
  b.browse(undefined, ({ type, record }) => seen.push(`${type} ${record.name}`));
  a.announce(makeRecord());
  await clock.advance(10);
  const from = { address: '127.0.0.1', port: 5353 };
  // Bytes at random are refused by their header; these go deeper: a good packet, damaged.
  const samples = wire.log.map(({ message }) => encode(message));
  const damaged = fc
    .tuple(
      fc.constantFrom(...samples),
      fc.array(fc.tuple(fc.nat(600), fc.nat(255)), { maxLength: 10 }),
      fc.nat(700),
    )
    .map(([sample, changes, end]) => {
      const bytes = Buffer.from(sample.subarray(0, Math.max(12, end)));
      for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
      return bytes;
    });
  const any = fc.oneof(
    fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
    damaged,
  );
  fc.assert(
    fc.property(any, (bytes) => wire.injectBytes(bytes, from)),
    { numRuns: 3000 },
  );
  await clock.advance(5000);
  a.announce(makeRecord({ name: 'after' }));
  await clock.advance(10);
  expect(seen).toContain('up after');
  await Promise.all([a.close(), b.close()]);
});
