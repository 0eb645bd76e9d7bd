import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import dnsPacket from 'dns-packet';
import type { InstanceRecord } from '../../src/discovery/record.js';
import { toPacket } from './codec.js';
import { makeRecord } from './fixtures/record.js';
import { cannotMakeNetworks, Lab, need, type Agent } from './fixtures/lab.js';
import { makeMessage, type Rr } from './message.js';
import { serviceType } from './names.js';

const why = cannotMakeNetworks();
const onNet = (part: Partial<InstanceRecord> = {}) =>
  makeRecord({ endpoints: ['tcp://0.0.0.0:4001'], ...part });

// Real programs, real sockets, on a network that this test makes.
describe.skipIf(why !== undefined)(
  `hosts on a network${why === undefined ? '' : `: ${why}`}`,
  () => {
    let lab: Lab;

    beforeAll(() => {
      lab = new Lab();
      lab.host('a', 1);
      lab.host('b', 2);
      lab.host('c', 3);
    });
    afterAll(() => lab.close());

    /** Two agents, of which the second browses. */
    async function pair(options = {}): Promise<[Agent, Agent]> {
      const [a, b] = await Promise.all([lab.agent('a', options), lab.agent('b', options)]);
      await b.tell({ do: 'browse' });
      return [a, b];
    }

    async function end(...agents: Agent[]): Promise<void> {
      await Promise.all(
        agents.map((agent) => {
          const ended = new Promise((resolve) => agent.program.once('exit', resolve));
          agent.program.stdin?.end();
          return ended;
        }),
      );
    }

    test('see each other: up, update, down', async () => {
      const [a, b] = await pair();
      const record = onNet({ state: 'waiting' });
      await a.tell({ do: 'announce', record });
      expect(await b.event('up', record.id)).toMatchObject({
        record: { ...record, endpoints: ['tcp://10.77.0.1:4001'] },
      });
      await a.tell({ do: 'update', record: { ...record, state: 'up' } });
      expect(await b.event('update', record.id)).toMatchObject({ record: { state: 'up' } });
      await a.tell({ do: 'withdraw', id: record.id });
      await b.event('down', record.id);
      await end(a, b);
    });

    test('who comes later finds what is there, by name', async () => {
      const a = await lab.agent('a');
      const record = onNet();
      await a.tell({ do: 'announce', record });
      const b = await lab.agent('b');
      await b.tell({ do: 'browse', name: 'greeter' });
      await b.event('up', record.id);
      await end(a, b);
    });

    test('closing says goodbye', async () => {
      const [a, b] = await pair();
      const record = onNet();
      await a.tell({ do: 'announce', record });
      await b.event('up', record.id);
      await a.tell({ do: 'close' });
      await b.event('down', record.id);
      await end(a, b);
    });

    test('programs of one host share the port', async () => {
      const [a, b] = await pair();
      const a2 = await lab.agent('a');
      await a2.tell({ do: 'browse' });
      const [one, two] = [onNet({ name: 'one' }), onNet({ name: 'two' })];
      await a.tell({ do: 'announce', record: one });
      await a2.tell({ do: 'announce', record: two });
      await Promise.all([b.event('up', one.id), b.event('up', two.id), a2.event('up', one.id)]);
      await end(a, a2, b);
    });

    test('what listens on loopback, or is of reach local, is not told to the network', async () => {
      const [a, b] = await pair();
      const local = await lab.agent('a', { reach: 'local' });
      const [one, two, marker] = [makeRecord(), onNet(), onNet({ name: 'marker' })];
      await a.tell({ do: 'announce', record: one });
      await local.tell({ do: 'browse' });
      await local.tell({ do: 'announce', record: two });
      expect(await local.event('up', one.id)).toMatchObject({
        record: { endpoints: ['tcp://127.0.0.1:4001'] },
      });
      await a.tell({ do: 'announce', record: marker });
      await b.event('up', marker.id);
      const names = b.lines.flatMap(
        (said) => (said['record'] as InstanceRecord | undefined)?.id ?? [],
      );
      expect(new Set(names)).toEqual(new Set([marker.id]));
      await end(a, b, local);
    });

    test('a host that vanishes is forgotten', async () => {
      const [a, b] = await pair({ ttl: 2 });
      const record = onNet();
      await a.tell({ do: 'announce', record });
      await b.event('up', record.id);
      a.program.kill('SIGKILL');
      await b.event('down', record.id);
      await end(b);
    });

    test('an interface that goes takes its instances with it, and brings them back', async () => {
      const [a, b] = await pair();
      const [ofA, ofB] = [onNet({ name: 'of-a' }), onNet({ name: 'of-b' })];
      await a.tell({ do: 'browse' });
      await a.tell({ do: 'announce', record: ofA });
      await b.tell({ do: 'announce', record: ofB });
      await Promise.all([a.event('up', ofB.id), b.event('up', ofA.id)]);
      const was = b.lines.length;
      lab.inside('b', 'ip', 'link', 'set', 'net0', 'down');
      await b.until((said) => typeof said['degraded'] === 'string', was);
      await b.event('down', ofA.id, was);
      const from = b.lines.length;
      lab.inside('b', 'ip', 'link', 'set', 'net0', 'up');
      await b.until((said) => said['degraded'] === null, from);
      await b.event('up', ofA.id, from);
      // And what is announced now crosses both ways.
      const [later, latest] = [onNet({ name: 'later' }), onNet({ name: 'latest' })];
      await b.tell({ do: 'announce', record: later });
      await a.event('up', later.id);
      await a.tell({ do: 'announce', record: latest });
      await b.event('up', latest.id);
      await end(a, b);
    });

    test('found and lost though three packets in ten are', async () => {
      need('iptables', 'iptables');
      const rule = '-p udp --dport 5353 -m statistic --mode random --probability 0.3 -j DROP';
      const loss = (action: string) => {
        for (const host of ['a', 'b']) {
          lab.inside(host, 'iptables', action, 'INPUT', ...rule.split(' '));
        }
      };
      loss('-A');
      try {
        const [a, b] = await pair({ ttl: 4 });
        // One after the other, so that each has packets of its own to lose.
        const records = Array.from({ length: 6 }, () => onNet());
        for (const record of records) await a.tell({ do: 'announce', record });
        await Promise.all(records.map(({ id }) => b.event('up', id)));
        for (const { id } of records) await a.tell({ do: 'withdraw', id });
        await Promise.all(records.map(({ id }) => b.event('down', id)));
        const counted = lab.inside('b', 'iptables', '-L', 'INPUT', '-v', '-x', '-n');
        expect(Number(/^\s*(\d+)\s.*DROP/m.exec(counted)?.[1])).toBeGreaterThan(0);
        await end(a, b);
      } finally {
        loss('-D');
      }
    });

    test('a storm of malformed packets is survived, in bounded memory', async () => {
      const [a, b] = await pair();
      const c = await lab.agent('c');
      const record = onNet();
      await a.tell({ do: 'announce', record });
      await b.event('up', record.id);
      const before = (await b.tell({ do: 'heap' }))['heap'] as number;
      for (const packets of storm()) {
        await c.tell({ do: 'raw', packets, times: 1, from: '10.77.0.3' });
      }
      const later = onNet({ name: 'later' });
      await a.tell({ do: 'announce', record: later });
      await b.event('up', later.id);
      const after = (await b.tell({ do: 'heap' }))['heap'] as number;
      expect(after - before).toBeLessThan(32 * 1024 * 1024);
      // It did arrive; and what was there is there yet.
      const fakes = b.lines.filter(
        (said) => (said['record'] as InstanceRecord | undefined)?.name === 'fake',
      );
      expect(fakes.length).toBeGreaterThan(250);
      expect(
        b.lines.some(
          (said) => said['type'] === 'down' && (said['record'] as InstanceRecord).id === record.id,
        ),
      ).toBe(false);
      await end(a, b, c);
    });
  },
);

/** Packets of all kinds of nonsense, a few hundred at a time, five thousand in all. */
function* storm(): Generator<string[]> {
  let seed = 1;
  const random = (below: number) => {
    seed = (seed * 1103515245 + 12345) % 2147483648;
    return Math.floor((seed / 2147483648) * below);
  };
  const bytes = (length: number) => Buffer.from(Array.from({ length }, () => random(256)));
  const header = (questions: number, answers: number) => {
    const buffer = Buffer.alloc(12);
    buffer.writeUInt16BE(0x8400, 2);
    buffer.writeUInt16BE(questions, 4);
    buffer.writeUInt16BE(answers, 6);
    return buffer;
  };
  const fakes = (id: number): Rr[] => {
    const instance = `fake-${id}.${serviceType}`;
    return [
      { name: serviceType, type: 'PTR', ttl: 4500, flush: false, data: instance },
      { name: instance, type: 'TXT', ttl: 4500, flush: true, data: [Buffer.from(`n=fake`)] },
      {
        name: instance,
        type: 'SRV',
        ttl: 120,
        flush: true,
        data: { priority: 0, weight: 0, port: 0, target: `fake-${id}.local` },
      },
    ];
  };
  const good = (id: number) =>
    dnsPacket.encode(toPacket(makeMessage({ response: true, answers: fakes(id) })));
  const loop = Buffer.concat([
    header(0, 1),
    Buffer.from([0xc0, 12, 0, 12, 0, 1, 0, 0, 0, 60, 0, 2, 0xc0, 12]),
  ]);
  const long = Buffer.concat([
    header(0, 700),
    ...Array.from({ length: 700 }, () => Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0])),
  ]);
  for (let round = 0; round < 25; round++) {
    const packets: Buffer[] = [];
    for (let i = 0; i < 40; i++) {
      const sample = good(round * 40 + i);
      const damaged = Buffer.from(sample);
      for (let k = 0; k < 5; k++) damaged[random(damaged.length)] = random(256);
      packets.push(
        sample,
        damaged,
        sample.subarray(0, random(sample.length)),
        bytes(random(1200)),
        Buffer.concat([header(0xffff, 0xffff), bytes(100)]),
      );
    }
    packets.push(loop, long, Buffer.alloc(0), Buffer.alloc(9001));
    yield packets.map((packet) => packet.toString('base64'));
  }
}
