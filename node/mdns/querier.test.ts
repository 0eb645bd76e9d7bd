import { beforeEach, describe, expect, test } from 'vitest';
import { VirtualClock } from '../../src/testing/virtual-clock.js';
import { makeMessage, type Message, type Question, type Rr } from './message.js';
import { serviceType } from './names.js';
import { Querier } from './querier.js';

const ptr: Question = { name: serviceType, type: 'PTR' };
const srv: Question = { name: `a.${serviceType}`, type: 'SRV' };

let clock: VirtualClock;
let querier: Querier;
let sent: { at: number; message: Message }[];
let known: Rr[];

beforeEach(() => {
  clock = new VirtualClock();
  sent = [];
  known = [];
  querier = new Querier({
    clock,
    send: (message) => sent.push({ at: clock.now() / 1000, message }),
    known: (question) => (question.type === 'PTR' ? known : []),
  });
});

const times = () => sent.map(({ at }) => at);

test('a question is asked at once, after a second, and at doubling intervals up to an hour', async () => {
  querier.start(ptr);
  await clock.advance(4 * 3_600_000);
  expect(times()).toEqual([0, 1, 3, 7, 15, 31, 63, 127, 255, 511, 1023, 2047, 4095, 7695, 11295]);
});

test('questions of one turn share a packet, with what is known', async () => {
  known = [{ ...ptr, type: 'PTR', ttl: 60, flush: false, data: 'x' }];
  querier.start(ptr);
  querier.start(srv);
  querier.start(ptr);
  await clock.advance(0);
  expect(sent.length).toBe(1);
  expect(sent[0]?.message).toMatchObject({
    response: false,
    questions: [ptr, srv],
    answers: known,
  });
});

test('a stopped question is not asked any more', async () => {
  querier.start(ptr);
  querier.start(srv);
  await clock.advance(2000);
  querier.stop(ptr);
  sent.length = 0;
  await clock.advance(10_000);
  expect(sent.map(({ message }) => message.questions)).toEqual([[srv], [srv]]);
  expect(querier.asks(ptr)).toBe(false);
  expect(querier.asks(srv)).toBe(true);
});

test('one that is stopped at once is never asked', async () => {
  querier.start(ptr);
  querier.stop(ptr);
  await clock.advance(10_000);
  expect(sent).toEqual([]);
});

test('asked again, it is asked once more', async () => {
  querier.start(ptr);
  await clock.advance(4000);
  sent.length = 0;
  querier.again([srv]);
  await clock.advance(10_000);
  expect(sent.map(({ at, message }) => [at, message.questions])).toEqual([
    [4, [srv]],
    [7, [ptr]],
  ]);
});

test('on another link all is asked as for the first time', async () => {
  querier.start(ptr);
  await clock.advance(100_000);
  sent.length = 0;
  querier.restart();
  await clock.advance(8000);
  expect(times()).toEqual([100, 101, 103, 107]);
});

describe('what somebody else has just asked (RFC 6762 §7.3)', () => {
  const answer: Rr = { ...ptr, type: 'PTR', ttl: 60, flush: false, data: 'x' };

  /** Hears a question a moment before ours is due, 15 s after the start. */
  async function hear(message: Partial<Message>): Promise<number[]> {
    querier.start(ptr);
    await clock.advance(14_000);
    sent.length = 0;
    querier.heard(makeMessage({ questions: [ptr], ...message }));
    await clock.advance(20_000);
    return times();
  }

  test('is not asked again', async () => expect(await hear({})).toEqual([30]));

  test('unless he knows what we do not', async () => {
    expect(await hear({ answers: [answer] })).toEqual([15, 31]);
  });

  test('and is not, when we know that too', async () => {
    known = [answer];
    expect(await hear({ answers: [answer] })).toEqual([30]);
  });

  test('our own question that comes back changes nothing', async () => {
    querier.start(ptr);
    for (let i = 0; i < 100; i++) {
      await clock.advance(i === 0 ? 0 : 1000);
      for (const { message } of sent.splice(0)) {
        expect([0, 1, 3, 7, 15, 31, 63]).toContain(i);
        querier.heard(message);
      }
    }
  });
});

test('what does not fit into a packet is not asked', async () => {
  querier.start({ name: `${'x'.repeat(64)}.local`, type: 'A' });
  querier.again([{ name: 'a..b', type: 'A' }]);
  await clock.advance(0);
  expect(sent).toEqual([]);
});

test('closed, it asks nothing and waits for nothing', async () => {
  querier.start(ptr);
  await clock.advance(10);
  querier.again([srv]);
  querier.close();
  querier.start(srv);
  sent.length = 0;
  await clock.advance(10_000);
  expect(sent).toEqual([]);
  expect(clock.pending).toBe(0);
});
