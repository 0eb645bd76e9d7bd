import { describe, expect, test } from 'vitest';
import { systemClock } from '../clock.js';
import { channelSuite } from '../testing/channel-suite.js';
import { turns } from '../testing/recorder.js';
import { VirtualClock } from '../testing/virtual-clock.js';
import type { Channel } from './channel.js';
import { readFirstLine } from './first-line.js';
import { memoryPair } from './memory.js';

const kinds = ['messages', 'bytes'] as const;

/** One end of a pair, and what is left of the other when its first line was read. */
async function setup(framing: 'messages' | 'bytes', part: 'whole' | 'rest', piece = 3) {
  const clock = new VirtualClock();
  const [a, b] = memoryPair({ framing, piece });
  const reading = readFirstLine(b, { clock, limit: 100, time: 500 });
  a.write('{"first":1}\n');
  const first = await reading;
  return { a, b: first[part], clock, line: first.line };
}

/** What a channel brings, as text; it stands still when it is told to. */
function read(channel: Channel, pauseAfter = Infinity) {
  const seen = { text: '', closed: false };
  const decoder = new TextDecoder();
  channel.open({
    receive(data) {
      seen.text += typeof data === 'string' ? data : decoder.decode(data, { stream: true });
      if (seen.text.length >= pauseAfter) channel.pause();
    },
    drain: () => {},
    close: () => (seen.closed = true),
  });
  return seen;
}

describe.each(kinds)('what is left, %s', (framing) => {
  channelSuite({
    test,
    setup: async () => {
      const { a, b } = await setup(framing, 'rest', 16_381);
      return { a, b, teardown: () => {} };
    },
  });
});

describe.each(kinds)('%s', (framing) => {
  test('the whole has the line, and what is left has not', async () => {
    for (const [part, want] of [
      ['whole', '{"first":1}\n{"second":2}\n'],
      ['rest', '{"second":2}\n'],
    ] as const) {
      const { a, b, line } = await setup(framing, part);
      expect(line).toBe('{"first":1}');
      a.write('{"second":2}\n');
      const seen = read(b);
      await turns(20);
      expect(seen.text).toBe(want);
    }
  });

  test('who pauses in the middle of what came before gets the rest when it asks for it', async () => {
    const { a, b } = await setup(framing, 'whole');
    a.write('{"second":2}\n');
    a.write('{"third":3}\n');
    const seen = read(b, 5);
    await turns(50);
    expect(seen.text.length).toBeLessThan(20);
    // It said so once for all that follows.
    const { length } = seen.text;
    a.write('{"fourth":4}\n');
    await turns(50);
    expect(seen.text).toHaveLength(length);
    for (let at = 0; at < 50; at++) {
      b.resume();
      await turns(2);
    }
    expect(seen.text).toBe('{"first":1}\n{"second":2}\n{"third":3}\n{"fourth":4}\n');
  });

  test.each(['close', 'destroy'] as const)(
    'who pauses and then says %s is told of the end',
    async (way) => {
      const { a, b } = await setup(framing, 'whole');
      read(a);
      const seen = read(b, 5);
      await turns(20);
      b[way]();
      await turns(20);
      expect(seen.closed).toBe(true);
    },
  );

  test('one that ends before its line is there is handed over as it is', async () => {
    const [a, b] = memoryPair({ framing });
    const reading = readFirstLine(b, { clock: systemClock, limit: 100, time: 60_000 });
    a.close();
    const { line, whole } = await reading;
    const seen = read(whole);
    await turns(20);
    expect([line, seen.text, seen.closed]).toEqual([undefined, '', true]);
  });
});

test('a line that is too long, in pieces, is not waited for', async () => {
  const [a, b] = memoryPair({ framing: 'bytes', piece: 7 });
  const reading = readFirstLine(b, { clock: new VirtualClock(), limit: 50, time: 500 });
  const long = `${'x'.repeat(200)}\n`;
  a.write(long);
  const { line, whole } = await reading;
  const seen = read(whole);
  await turns(100);
  expect([line, seen.text]).toEqual([undefined, long]);
});
