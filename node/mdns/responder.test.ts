import { beforeEach, describe, expect, test } from 'vitest';
import { VirtualClock } from '../../src/testing/virtual-clock.js';
import { makeRecord } from './fixtures/record.js';
import type { Interface } from './interfaces.js';
import { makeMessage, rrKey, type Message, type Question, type Rr } from './message.js';
import { metaType, serviceType, subtypeName } from './names.js';
import { Responder } from './responder.js';
import type { Peer } from './transport.js';
import { defaultTtls, zoneOf, type Zone } from './zone.js';

const eth: Interface = {
  name: 'eth0',
  loopback: false,
  mac: '02:00:00:00:00:01',
  v4: ['10.0.0.1'],
  v6: [],
  subnets: ['10.0.0.1/24'],
};
const them: Peer = { address: '10.0.0.2', port: 5353 };
const record = makeRecord({ endpoints: ['tcp://0.0.0.0:4001'], state: 'waiting' });

let clock: VirtualClock;
let responder: Responder;
let sent: { at: number; message: Message; to: Peer | undefined }[];

beforeEach(() => {
  clock = new VirtualClock();
  sent = [];
  responder = new Responder({
    clock,
    port: 5353,
    interval: 1000,
    isOwn: (address) => address === '10.0.0.1',
    send: (message, to, done) => {
      sent.push({ at: clock.now(), message, to });
      clock.defer(() => done?.());
    },
  });
});

function zone(part = {}): Zone {
  const made = zoneOf({ ...record, ...part }, eth, defaultTtls);
  if (made === undefined) throw new Error('unreachable');
  return made;
}

const instance = zone().instance;
const host = `${record.id}.local`;
const rrOf = (type: Rr['type'], from = zone()) => from.rrs.find((rr) => rr.type === type) as Rr;
const types = (rrs: readonly Rr[] = []) => rrs.map(({ type }) => type);

/** Publishes, and lets so much time pass that nothing is under way. */
async function settle(): Promise<void> {
  responder.publish(zone());
  await clock.advance(100_000);
  sent.length = 0;
}

function ask(questions: readonly Question[], part: Partial<Message> = {}, from = them): void {
  responder.query(makeMessage({ questions, ...part }), from);
}

describe('announcing (RFC 6762 §8.3)', () => {
  test('at once, all in one packet, and again a second later', async () => {
    responder.publish(zone());
    await clock.advance(0);
    expect(sent.length).toBe(1);
    await clock.advance(60_000);
    expect(sent.map(({ at }) => at)).toEqual([0, 1000]);
    for (const { message, to } of sent) {
      expect(to).toBeUndefined();
      expect(message).toMatchObject({ response: true, id: 0, questions: [] });
      expect(types(message.answers)).toEqual(['PTR', 'PTR', 'SRV', 'TXT', 'A', 'PTR']);
      expect(types(message.additionals)).toEqual(['NSEC']);
    }
  });

  test('shared records do not have the cache-flush bit, unique ones do; TTLs as in §10', () => {
    for (const rr of zone().rrs) {
      expect(rr.flush, rr.type).toBe(rr.type !== 'PTR');
      expect(rr.ttl, rr.type).toBe(rr.type === 'SRV' || rr.type === 'A' ? 120 : 4500);
    }
  });

  test('a change announces what changed, at once and again', async () => {
    await settle();
    responder.publish(zone({ state: 'up' }));
    await clock.advance(60_000);
    expect(sent.map(({ at }) => at)).toEqual([100_000, 101_000]);
    for (const { message } of sent)
      expect(message.answers).toEqual([rrOf('TXT', zone({ state: 'up' }))]);
  });

  test('no change announces nothing', async () => {
    await settle();
    responder.publish(zone());
    await clock.advance(60_000);
    expect(sent).toEqual([]);
  });

  test('at most ten changes in sixty seconds (§8.4); the last state is told in the end', async () => {
    await settle();
    for (let i = 0; i < 600; i++) {
      responder.publish(zone({ version: `1.0.${i}` }));
      await clock.advance(500);
    }
    await clock.advance(60_000);
    const told = new Map<string, number>();
    for (const { at, message } of sent) {
      for (const rr of message.answers) {
        if (rr.type === 'TXT' && !told.has(rrKey(rr))) told.set(rrKey(rr), at);
      }
    }
    const times = [...told.values()];
    for (const at of times) {
      expect(times.filter((other) => other >= at && other < at + 60_000).length).toBeLessThan(11);
    }
    expect(times.length).toBeGreaterThan(25);
    expect(sent.at(-1)?.message.answers).toContainEqual(rrOf('TXT', zone({ version: '1.0.599' })));
  });

  test('many at one moment share packets', async () => {
    for (let i = 0; i < 20; i++) {
      responder.publish(zone({ id: `${String(i).padStart(2, '0')}23456789abcdef` }));
    }
    await clock.advance(0);
    expect(sent.length).toBeLessThan(20);
    const hosts = sent.flatMap(({ message }) => message.answers.filter(({ type }) => type === 'A'));
    expect(hosts.length).toBe(20);
  });
});

describe('goodbye (RFC 6762 §10.1)', () => {
  test('all but the type itself, with TTL 0, twice', async () => {
    await settle();
    await responder.withdraw(instance);
    await clock.advance(10_000);
    expect(sent.map(({ at }) => at)).toEqual([100_000, 100_250]);
    for (const { message } of sent) {
      expect(types(message.answers)).toEqual(['PTR', 'PTR', 'SRV', 'TXT', 'A']);
      expect(message.answers.every(({ ttl }) => ttl === 0)).toBe(true);
      expect(message.answers.map(({ name }) => name)).not.toContain(metaType);
    }
  });

  test('after it nothing more is said, though it was asked before', async () => {
    responder.publish(zone());
    await clock.advance(0);
    ask([{ name: serviceType, type: 'PTR' }]);
    sent.length = 0;
    await responder.withdraw(instance);
    await responder.withdraw(instance);
    ask([{ name: serviceType, type: 'PTR' }]);
    await clock.advance(10_000);
    expect(sent.flatMap(({ message }) => message.answers).every(({ ttl }) => ttl === 0)).toBe(true);
  });

  test('closing says the second one at once', async () => {
    await settle();
    await responder.withdraw(instance);
    responder.close();
    expect(sent.length).toBe(2);
    await clock.advance(10_000);
    expect(sent.length).toBe(2);
    expect(clock.pending).toBe(0);
  });

  test('it is not repeated when it has come back', async () => {
    await settle();
    await responder.withdraw(instance);
    responder.publish(zone());
    await clock.advance(10_000);
    expect(sent.filter(({ message }) => message.answers.some(({ ttl }) => ttl === 0)).length).toBe(
      1,
    );
  });
});

describe('answering (RFC 6762 §6)', () => {
  test('shared records after 20 to 120 ms, with all that one needs', async () => {
    for (const name of [serviceType, subtypeName('greeter')]) {
      await settle();
      ask([{ name, type: 'PTR' }]);
      await clock.advance(5000);
      expect(sent.length).toBe(1);
      const [answer] = sent;
      const delay = (answer?.at ?? 0) % 100_000;
      expect(delay).toBeGreaterThanOrEqual(20);
      expect(delay).toBeLessThanOrEqual(120);
      expect(answer?.message.answers).toEqual([zone().rrs.find((rr) => rr.name === name)]);
      expect(types(answer?.message.additionals)).toEqual(['SRV', 'TXT', 'A', 'NSEC']);
      await responder.withdraw(instance);
      await clock.advance(95_000 - (clock.now() % 100_000) + 5000);
    }
  });

  test.each([
    ['SRV', instance, ['SRV']],
    ['TXT', instance, ['TXT']],
    ['A', host, ['A']],
    ['ANY', instance, ['SRV', 'TXT']],
    ['AAAA', host, ['NSEC']], // there is none, and we can say so (§6.1)
  ] as const)('unique records at once: %s', async (type, name, answers) => {
    await settle();
    ask([{ name, type }]);
    await clock.advance(0);
    expect(sent.map(({ message }) => types(message.answers))).toEqual([answers]);
  });

  test('names in any case', async () => {
    await settle();
    ask([{ name: instance.toUpperCase(), type: 'SRV' }]);
    await clock.advance(0);
    expect(sent.length).toBe(1);
  });

  test('who asks which types there are is told ours (RFC 6763 §9)', async () => {
    await settle();
    ask([{ name: metaType, type: 'PTR' }]);
    await clock.advance(200);
    expect(sent[0]?.message.answers).toMatchObject([{ name: metaType, data: serviceType }]);
  });

  test('what is not ours is not answered', async () => {
    await settle();
    ask([
      { name: '_http._tcp.local', type: 'PTR' },
      { name: subtypeName('other'), type: 'PTR' },
      { name: instance, type: 'A' },
      { name: instance, type: 'OTHER' },
    ]);
    await clock.advance(5000);
    expect(sent).toEqual([]);
  });

  test('several queries of one moment get one answer', async () => {
    await settle();
    for (let i = 0; i < 5; i++) ask([{ name: serviceType, type: 'PTR' }]);
    await clock.advance(5000);
    expect(sent.length).toBe(1);
  });

  test('a record that was sent within the last second waits until that is over', async () => {
    responder.publish(zone());
    await clock.advance(10_000);
    ask([{ name: instance, type: 'SRV' }]);
    await clock.advance(300);
    ask([{ name: instance, type: 'SRV' }]);
    sent.length = 0;
    await clock.advance(600);
    expect(sent).toEqual([]);
    await clock.advance(200);
    expect(sent.map(({ at }) => at)).toEqual([11_000]);
  });

  test('a probe for our name is answered within a quarter of that', async () => {
    responder.publish(zone());
    await clock.advance(10_000);
    ask([{ name: instance, type: 'SRV' }]);
    await clock.advance(300);
    sent.length = 0;
    ask([{ name: instance, type: 'ANY' }], { authorities: [rrOf('SRV')] });
    await clock.advance(0);
    expect(sent.length).toBe(1);
  });

  test('an answer that somebody else has just given is not given (§7.4)', async () => {
    await settle();
    ask([{ name: metaType, type: 'PTR' }]);
    const meta = zone().rrs.find((rr) => rr.name === metaType) as Rr;
    responder.heard([meta]);
    await clock.advance(5000);
    expect(sent).toEqual([]);
  });
});

describe('known answers (RFC 6762 §7)', () => {
  const known = (rr: Rr, share: number): Rr => ({ ...rr, ttl: rr.ttl * share });

  test('are not given when they are known for half their time yet', async () => {
    await settle();
    ask([{ name: serviceType, type: 'PTR' }], { answers: [known(rrOf('PTR'), 0.5)] });
    await clock.advance(5000);
    expect(sent).toEqual([]);
    ask([{ name: serviceType, type: 'PTR' }], { answers: [known(rrOf('PTR'), 0.49)] });
    await clock.advance(5000);
    expect(sent.length).toBe(1);
  });

  test('of others are no reason not to answer', async () => {
    await settle();
    const other = { ...rrOf('PTR'), data: `other.${serviceType}` } as Rr;
    ask([{ name: serviceType, type: 'PTR' }], { answers: [other] });
    await clock.advance(5000);
    expect(sent.length).toBe(1);
  });

  test('may follow in more packets (§7.2)', async () => {
    await settle();
    ask([{ name: serviceType, type: 'PTR' }], { truncated: true });
    await clock.advance(300);
    ask([], { truncated: true });
    ask([], { answers: [rrOf('PTR')] });
    await clock.advance(5000);
    expect(sent).toEqual([]);
  });

  test('that do not follow are not waited for', async () => {
    await settle();
    ask([{ name: serviceType, type: 'PTR' }], { truncated: true });
    await clock.advance(399);
    expect(sent).toEqual([]);
    await clock.advance(300);
    expect(sent.length).toBe(1);
  });

  test('of another asker on the same port do not count', async () => {
    await settle();
    ask([{ name: serviceType, type: 'PTR' }], { truncated: true });
    ask([], { answers: [rrOf('PTR')] }, { address: '10.0.0.3', port: 5353 });
    await clock.advance(5000);
    expect(sent.length).toBe(1);
  });

  test('however many askers leave their queries open, all are answered', async () => {
    await settle();
    for (let i = 0; i < 500; i++) {
      ask(
        [{ name: serviceType, type: 'PTR' }],
        { truncated: true },
        { address: '10.0.0.3', port: i + 1 },
      );
    }
    ask([{ name: serviceType, type: 'PTR' }], { truncated: true });
    await clock.advance(5000);
    expect(sent.some(({ to }) => to === undefined)).toBe(true);
  });
});

describe('unicast', () => {
  const question: Question = { name: instance, type: 'SRV', unicast: true };

  test('who asks for it gets it, if the group was told within a quarter of the TTL (§5.4)', async () => {
    responder.publish(zone());
    await clock.advance(5000);
    sent.length = 0;
    ask([question]);
    await clock.advance(0);
    expect(sent.map(({ to }) => to)).toEqual([them]);
    await clock.advance(30_000);
    sent.length = 0;
    ask([question]);
    await clock.advance(0);
    expect(sent.map(({ to }) => to)).toEqual([undefined]);
  });

  test('not on our own machine, where other programs have the same port (§15.1)', async () => {
    responder.publish(zone());
    await clock.advance(5000);
    sent.length = 0;
    ask([question], {}, { address: '10.0.0.1', port: 5353 });
    await clock.advance(0);
    expect(sent.map(({ to }) => to)).toEqual([undefined]);
  });

  test('a simple resolver gets a plain DNS answer that is soon forgotten (§6.7)', async () => {
    await settle();
    const resolver = { address: '10.0.0.2', port: 40_000 };
    ask([{ name: serviceType, type: 'PTR' }], { id: 77 }, resolver);
    await clock.advance(5000);
    expect(sent.map(({ to }) => to)).toEqual([resolver]);
    const message = sent[0]?.message;
    expect(message).toMatchObject({ id: 77, questions: [{ name: serviceType, type: 'PTR' }] });
    for (const rr of [...(message?.answers ?? []), ...(message?.additionals ?? [])]) {
      expect(rr.ttl).toBeLessThanOrEqual(10);
      expect(rr.flush).toBe(false);
    }
  });
});

describe('what others say', () => {
  test('other data under our name is contradicted at once (§9)', async () => {
    await settle();
    const srv = rrOf('SRV');
    responder.heard([{ ...srv, data: { priority: 0, weight: 0, port: 1, target: host } } as Rr]);
    await clock.advance(0);
    expect(types(sent[0]?.message.answers)).toContain('SRV');
  });

  test('our own data is not', async () => {
    await settle();
    responder.heard(zone().rrs);
    await clock.advance(60_000);
    expect(sent).toEqual([]);
  });

  test('nor what we said ourselves a moment ago', async () => {
    await settle();
    responder.publish(zone({ state: 'up' }));
    responder.publish(zone({ state: 'draining' }));
    await clock.advance(2000);
    sent.length = 0;
    responder.publish(zone({ state: 'up' }));
    await clock.advance(500);
    responder.heard([rrOf('TXT', zone({ state: 'draining' }))]);
    await clock.advance(400);
    expect(sent.length).toBe(1);
  });

  test('ours with less than half its time is announced again (§6.6)', async () => {
    await settle();
    responder.heard([{ ...rrOf('PTR'), ttl: 100 }]);
    await clock.advance(0);
    expect(sent.length).toBe(1);
  });

  test('other instances of our type are none of our business', async () => {
    await settle();
    responder.heard([{ ...rrOf('PTR'), data: `other.${serviceType}`, ttl: 1 } as Rr]);
    await clock.advance(60_000);
    expect(sent).toEqual([]);
  });
});
