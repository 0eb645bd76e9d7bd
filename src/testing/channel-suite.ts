import type { Channel } from '../channel/channel.js';
import { Recorder, turns } from './recorder.js';

/** Two channels connected to each other, not yet open. */
export interface ChannelPair {
  readonly a: Channel;
  readonly b: Channel;
  /** Called after each test, whatever became of the channels. */
  teardown(): Promise<void> | void;
}

export interface ChannelSuite {
  /** The runner's: `test`, `it`. */
  test(name: string, fn: () => Promise<void>): void;
  setup(): Promise<ChannelPair>;
  /** What the transport cannot do, if anything. */
  supports?: {
    /** A reader that pauses holds the writer back. */
    readonly holdBack?: boolean;
    /** What crosses a close of one's own still arrives. */
    readonly crossing?: boolean;
    /** Raw bytes arrive that follow lines, though a channel says so. */
    readonly binary?: boolean;
  };
}

/**
 * What every channel has to do, whatever runs the tests. Nothing here sleeps: a channel that does not
 * do it leaves a test waiting, for the runner to end.
 */
export function channelSuite({ test, setup, supports = {} }: ChannelSuite): void {
  const { holdBack = true, crossing = true, binary = true } = supports;

  const on = (name: string, fn: (pair: ChannelPair) => Promise<void>): void =>
    test(name, async () => {
      const pair = await setup();
      try {
        await fn(pair);
      } finally {
        pair.a.destroy();
        pair.b.destroy();
        await pair.teardown();
      }
    });
  const both = (name: string, fn: (a: Recorder, b: Recorder) => Promise<void>): void =>
    on(name, async ({ a, b }) => {
      const [one, two] = [new Recorder(a), new Recorder(b)];
      await fn(one, two);
      await turns(5);
      same([...one.faults, ...two.faults], [], 'faults');
    });

  test('two pairs are isolated', async () => {
    const [first, second] = [await setup(), await setup()];
    try {
      const [a1, b1] = [new Recorder(first.a), new Recorder(first.b)];
      const [a2, b2] = [new Recorder(second.a), new Recorder(second.b)];
      a1.channel.write('{"pair":1}\n');
      b2.channel.write('{"pair":2}\n');
      await b1.until(() => b1.lines.length > 0);
      await a2.until(() => a2.lines.length > 0);
      a1.channel.close();
      await b1.closed();
      a2.channel.write('{"after":1}\n');
      await b2.until(() => b2.lines.length > 0);
      same([a1.lines, b1.lines], [[], ['{"pair":1}']], 'of the first pair');
      same([a2.lines, b2.lines], [['{"pair":2}'], ['{"after":1}']], 'of the second pair');
      same([a2.closes, b2.closes], [[], []], 'ends of the second pair');
    } finally {
      for (const { a, b, teardown } of [first, second]) {
        a.destroy();
        b.destroy();
        await teardown();
      }
    }
  });

  both('order is kept, both ways at once', async (a, b) => {
    const sent = numbered(2_000);
    for (const [i, line] of sent.entries()) {
      a.channel.write(`${line}\n`);
      b.channel.write(`${line}\n`);
      if (i % 100 === 0) await turns(1);
    }
    await a.until(() => a.lines.length === sent.length);
    await b.until(() => b.lines.length === sent.length);
    same(a.lines, sent, 'what a read');
    same(b.lines, sent, 'what b read');
  });

  both('many small writes in one turn all arrive', async (a, b) => {
    const sent = numbered(20_000);
    for (const line of sent) a.channel.write(`${line}\n`);
    await b.until(() => b.lines.length === sent.length);
    same(b.lines, sent, 'what b read');
  });

  both('several lines in one write arrive as lines', async (a, b) => {
    const sent = numbered(50);
    a.channel.write(sent.map((line) => `${line}\n`).join(''));
    await b.until(() => b.lines.length === sent.length);
    same(b.lines, sent, 'what b read');
  });

  both('5 MiB arrive intact, whatever their characters', async (a, b) => {
    const sent = [text(3 * 1024 * 1024), ...Array.from({ length: 40 }, (_, i) => text(50_000 + i))];
    for (const line of sent) a.channel.write(`${line}\n`);
    await b.until(() => b.lines.length === sent.length);
    same(b.lines, sent, 'what b read');
  });

  both('a writer that waits when told to is told to go on', async (a, b) => {
    const sent = Array.from({ length: 300 }, () => text(20_000));
    for (const line of sent) {
      const drains = a.drains;
      if (!a.channel.write(`${line}\n`)) await a.until(() => a.drains > drains);
    }
    await b.until(() => b.lines.length === sent.length);
    same(b.lines, sent, 'what b read');
  });

  if (holdBack) {
    both('a paused reader holds the writer back, and loses nothing', async (a, b) => {
      b.channel.pause();
      const line = text(32_000);
      let sent = 0;
      for (let held = false; !held;) {
        const drains = a.drains;
        if (!a.channel.write(`${line}\n`)) {
          // To take a slow drain for none does no harm: the reader goes on a little early.
          for (let i = 0; a.drains === drains && i < 50; i += 1) await turns(1);
          held = a.drains === drains;
        }
        sent += 1;
        if (sent > 2_000) throw new Error('64 MB were written to a paused reader');
      }
      const drains = a.drains;
      b.channel.resume();
      await a.until(() => a.drains > drains);
      await b.until(() => b.lines.length === sent);
      same(
        b.lines.every((it) => it === line),
        true,
        'that each line is whole',
      );
    });
  }

  // Of a channel that says that it carries them.
  both('bytes follow the line that says so, whatever they are', async (a, b) => {
    if (!binary || a.channel.binary !== true) return;
    const first = [
      octets('\n\n{"n":7}\n'),
      octets(''),
      octets('"bin":[9]\0\n\u00ff'),
      large(200_001),
    ];
    const second = [octets('\n')];
    const third = [octets(''), octets('')];
    const kept = first.map((bytes) => bytes.slice());
    a.channel.write('{"n":1}\n');
    a.channel.write(`{"n":2}\n${announced(first)}\n`, first);
    a.channel.write(`${announced(second)}\n`, second);
    a.channel.write(`${announced(third)}\n`, third);
    a.channel.write('{"n":3}\n');
    b.channel.write(`${announced(second)}\n`, second);
    await b.until(() => b.lines.length === 6);
    await a.until(() => a.attached.length === 1);
    const lines = ['{"n":1}', '{"n":2}', ...[first, second, third].map(announced), '{"n":3}'];
    same(b.lines, lines, 'what b read');
    sameBytes(b.attached, [...first, ...second, ...third]);
    sameBytes(a.attached, second);
    // They are the writer's own still.
    sameBytes(first, kept);
  });

  both('5 MiB of bytes arrive intact, and buffered goes back to 0', async (a, b) => {
    if (!binary || a.channel.binary !== true) return;
    const sent = [
      large(3 * 1024 * 1024),
      ...Array.from({ length: 40 }, (_, i) => large(50_000 + i)),
    ];
    for (const bytes of sent) {
      const { drains } = a;
      if (!a.channel.write(`${announced([bytes])}\n`, [bytes]))
        await a.until(() => a.drains > drains);
    }
    await b.until(() => b.attached.length === sent.length);
    sameBytes(b.attached, sent);
    while (a.channel.buffered > 0) await turns(1);
  });

  if (holdBack) {
    both('a paused reader holds the writer of bytes back', async (a, b) => {
      if (!binary || a.channel.binary !== true) return;
      b.channel.pause();
      const bytes = large(64_000);
      let sent = 0;
      for (let held = false; !held;) {
        const { drains } = a;
        if (!a.channel.write(`${announced([bytes])}\n`, [bytes])) {
          for (let i = 0; a.drains === drains && i < 50; i += 1) await turns(1);
          held = a.drains === drains;
        }
        sent += 1;
        if (sent > 1_000) throw new Error('64 MB were written to a paused reader');
      }
      b.channel.resume();
      await b.until(() => b.attached.length === sent);
    });
  }

  both('what arrives while paused is kept', async (a, b) => {
    b.channel.pause();
    const sent = numbered(100);
    for (const line of sent) a.channel.write(`${line}\n`);
    await turns(20);
    b.channel.resume();
    await b.until(() => b.lines.length === sent.length);
    same(b.lines, sent, 'what b read');
  });

  both('pausing while receiving, again and again, loses nothing', async (a, b) => {
    b.onReceive = () => {
      b.channel.pause();
      void turns(1).then(() => b.channel.resume());
    };
    const sent = numbered(30);
    for (const line of sent) {
      a.channel.write(`${line}\n`);
      await turns(1);
    }
    await b.until(() => b.lines.length === sent.length);
    same(b.lines, sent, 'what b read');
  });

  both('buffered goes back to 0', async (a, b) => {
    for (let i = 0; i < 40; i += 1) a.channel.write(`${text(25_000)}\n`);
    a.channel.write('{"small":1}\n');
    await b.until(() => b.lines.length === 41);
    while (a.channel.buffered > 0) await turns(1);
  });

  on('what arrives before open is kept', async ({ a, b }) => {
    const [one, two] = [new Recorder(a), new Recorder(b, false)];
    a.write('{"early":1}\n');
    a.write('{"early":2}\n');
    await turns(20);
    two.open();
    await two.until(() => two.lines.length === 2);
    same(two.lines, ['{"early":1}', '{"early":2}'], 'what b read');
    same([...one.faults, ...two.faults], [], 'faults');
  });

  on('an end before open is told after it', async ({ a, b }) => {
    const [one, two] = [new Recorder(a, false), new Recorder(b, false)];
    const error = new Error('before');
    b.write('{"last":1}\n');
    b.close();
    await turns(20);
    one.open();
    await one.closed();
    same(one.lines, ['{"last":1}'], 'what a read');
    b.destroy(error);
    two.open();
    await two.closed();
    same([...one.faults, ...two.faults], [], 'faults');
  });

  both('close flushes, and is told to both sides', async (a, b) => {
    const sent = Array.from({ length: 30 }, () => text(40_000));
    for (const line of sent) a.channel.write(`${line}\n`);
    a.call((channel) => channel.close());
    await b.closed();
    await a.closed();
    same(b.lines, sent, 'what b read');
    same([a.closes, b.closes], [[undefined], [undefined]], 'what close was told');
  });

  both('close is told once, last, and never synchronously', async (a, b) => {
    a.channel.write('{"n":1}\n');
    a.call((channel) => channel.close());
    a.call((channel) => channel.close());
    a.call((channel) => channel.destroy());
    await a.closed();
    await b.closed();
    for (const it of [a, b]) {
      it.call((channel) => channel.close());
      it.call((channel) => channel.destroy(new Error('late')));
      it.call((channel) => channel.pause());
      it.call((channel) => channel.resume());
    }
    await turns(20);
    same([a.closes.length, b.closes.length], [1, 1], 'how often close was told');
  });

  both('a close while paused is told', async (a, b) => {
    b.channel.pause();
    b.call((channel) => channel.close());
    await a.closed();
    await b.closed();
  });

  both('the peer’s close waits for a paused reader', async (a, b) => {
    b.channel.pause();
    const sent = numbered(10);
    for (const line of sent) a.channel.write(`${line}\n`);
    a.channel.close();
    await turns(20);
    b.channel.resume();
    await b.closed();
    same(b.lines, sent, 'what b read');
  });

  both('who closes while paused, after the peer did, is told', async (a, b) => {
    b.channel.pause();
    a.channel.write('{"n":1}\n');
    a.call((channel) => channel.close());
    await turns(20);
    b.call((channel) => channel.close());
    b.call((channel) => channel.pause());
    await b.closed();
    await a.closed();
    if (crossing) same(b.lines, ['{"n":1}'], 'what b read');
  });

  both('both sides may close at once', async (a, b) => {
    const sent = numbered(20);
    for (const line of sent) {
      a.channel.write(`${line}\n`);
      b.channel.write(`${line}\n`);
    }
    a.call((channel) => channel.close());
    b.call((channel) => channel.close());
    await a.closed();
    await b.closed();
    if (crossing) same([a.lines, b.lines], [sent, sent], 'what was read');
    same([a.closes, b.closes], [[undefined], [undefined]], 'what close was told');
  });

  both('closing while receiving is allowed', async (a, b) => {
    b.onReceive = () => b.call((channel) => channel.close());
    a.channel.write('{"n":1}\n');
    await b.closed();
    await a.closed();
    same(b.lines, ['{"n":1}'], 'what b read');
  });

  both('destroy ends both sides, with the error at this one', async (a, b) => {
    const error = new Error('gone');
    a.channel.write('{"n":1}\n');
    a.call((channel) => channel.destroy(error));
    await a.closed();
    await b.closed();
    same(
      a.closes.map((it) => it === error),
      [true],
      'that a was told the error',
    );
  });

  both('destroy does not wait for what was not sent', async (a, b) => {
    b.channel.pause();
    for (let i = 0; i < 100; i += 1) a.channel.write(`${text(50_000)}\n`);
    a.call((channel) => channel.destroy());
    await a.closed();
    same(a.closes, [undefined], 'what close was told');
    b.channel.resume();
    await b.closed();
  });

  both('destroying while receiving delivers nothing more', async (a, b) => {
    b.onReceive = () => b.call((channel) => channel.destroy());
    for (const line of numbered(10)) {
      a.channel.write(`${line}\n`);
      await turns(1);
    }
    await b.closed();
    await a.closed();
  });

  both('writes after the end are dropped without a word', async (a, b) => {
    a.channel.write('{"n":1}\n');
    a.channel.close();
    a.channel.write('{"n":2}\n');
    await a.closed();
    await b.closed();
    a.channel.write('{"n":3}\n');
    b.channel.write('{"n":4}\n');
    await turns(20);
    same([a.lines, b.lines], [[], ['{"n":1}']], 'what was read');
  });
}

function numbered(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `{"n":${i}}`);
}

/** A line of about `bytes` bytes of UTF-8, in which no cut at a round number misses a character. */
function text(bytes: number): string {
  const unit = '{"a":"aé€😀b"}';
  return unit.repeat(Math.ceil(bytes / 20));
}

/** Bytes by their characters, each below 256. */
function octets(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text, (it) => it.charCodeAt(0));
}

/** Bytes among which there is every one, newlines too. */
function large(length: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length }, (_, i) => i ^ (i >> 8));
}

/** A line that says what follows it. */
function announced(attached: readonly Uint8Array[]): string {
  return `{"bin":[${attached.map(({ length }) => length).join(',')}]}`;
}

function sameBytes(actual: readonly Uint8Array[], expected: readonly Uint8Array[]): void {
  same(announced(actual), announced(expected), 'lengths of bytes');
  for (const [i, bytes] of expected.entries()) {
    const at = bytes.findIndex((byte, at) => byte !== actual[i]?.[at]);
    same(at, -1, `where the bytes of number ${i} differ`);
  }
}

/** Compares by JSON, which is all that the tests need; what is long is told by where it differs. */
function same(actual: unknown, expected: unknown, what: string): void {
  if (isSame(actual, expected)) return;
  const [is, should] = [show(actual), show(expected)];
  if (is === should) return;
  let at = 0;
  while (is[at] === should[at]) at += 1;
  const around = (it: string): string => it.slice(Math.max(0, at - 20), at + 60);
  throw new Error(`${what}: expected …${around(should)}…, got …${around(is)}… (at ${at})`);
}

/** Spares megabytes of lines the way through JSON. */
function isSame(actual: unknown, expected: unknown): boolean {
  if (!Array.isArray(actual) || !Array.isArray(expected)) return actual === expected;
  return actual.length === expected.length && actual.every((it, i) => isSame(it, expected[i]));
}

function show(value: unknown): string {
  return JSON.stringify(value, (_, it: unknown) =>
    it === undefined || it instanceof Error ? String(it) : it,
  );
}
