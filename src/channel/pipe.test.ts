import { describe, expect, test } from 'vitest';
import { channelSuite } from '../testing/channel-suite.js';
import { Recorder, turns } from '../testing/recorder.js';
import { memoryPair } from './memory.js';
import { pipe } from './pipe.js';

type Framing = 'bytes' | 'messages';

describe.each([
  ['messages', 'messages'],
  ['bytes', 'bytes'],
] as const)('a pipe between %s and %s', (left: Framing, right: Framing) => {
  channelSuite({
    test,
    // The pipe reads on for who has closed, but cannot know what the other side still sends; and it carries text.
    supports: { crossing: false, binary: false },
    setup: async () => {
      const [a, c] = memoryPair({ framing: left });
      const [d, b] = memoryPair({ framing: right });
      pipe(c, d);
      return { a, b, teardown: () => {} };
    },
  });
});

test('bytes become messages, and messages bytes', async () => {
  const [a, c] = memoryPair({ framing: 'bytes', piece: 7 });
  const [d, b] = memoryPair({ framing: 'messages' });
  pipe(c, d);
  const [one, two] = [new Recorder(a), new Recorder(b)];
  a.write('{"a":"aé€😀b"}\n{"b":2}\n');
  b.write('{"c":"😀"}');
  b.write('{"d":4}');
  await two.until(() => two.lines.length === 2);
  await one.until(() => one.lines.length === 2);
  expect([two.lines, one.lines]).toEqual([
    ['{"a":"aé€😀b"}', '{"b":2}'],
    ['{"c":"😀"}', '{"d":4}'],
  ]);
});

test('a line without end ends both', async () => {
  const [a, c] = memoryPair({ framing: 'bytes' });
  const [d, b] = memoryPair();
  pipe(c, d, 1_000);
  const [one, two] = [new Recorder(a), new Recorder(b)];
  a.write('x'.repeat(2_000));
  await one.closed();
  await two.closed();
  expect(two.lines).toEqual([]);
});

test('a slow reader holds the writer back, through the pipe', async () => {
  const [a, c] = memoryPair();
  const [d, b] = memoryPair();
  pipe(c, d);
  const [one, two] = [new Recorder(a), new Recorder(b)];
  b.pause();
  let sent = 0;
  for (let held = false; !held; sent++) {
    const { drains } = one;
    if (a.write(`${'x'.repeat(10_000)}\n`)) continue;
    await turns(5);
    held = one.drains === drains;
  }
  expect(sent).toBeLessThan(40);
  b.resume();
  await two.until(() => two.lines.length === sent);
});

test('a hello that passes offers no raw bytes, and is else as it was', async () => {
  const [a, c] = memoryPair({ framing: 'bytes', piece: 7 });
  const [d, b] = memoryPair();
  pipe(c, d);
  const two = new Recorder(b);
  const hello = (features: string): string =>
    `{"method":"methods","arguments":[{"bin":"[\\u00e9]"}],"dservice":{"v":1,"features":[${features}],"auth":"bin"}}`;
  a.write(`${hello('"reply","bin","resume"')}\n${hello('"bin"')}\n`);
  a.open({ receive() {}, drain() {}, close() {} });
  await two.until(() => two.lines.length === 2);
  // Only the first line is one.
  expect(two.lines).toEqual([hello('"reply","-","resume"'), hello('"bin"')]);
});
