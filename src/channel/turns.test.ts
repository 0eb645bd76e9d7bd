import { describe, expect, test } from 'vitest';
import { channelSuite } from '../testing/channel-suite.js';
import { turns as settled } from '../testing/recorder.js';
import { VirtualClock } from '../testing/virtual-clock.js';
import { memoryPair } from './memory.js';
import { Turns } from './turns.js';

describe.each(['messages', 'bytes'] as const)('channels that take turns, %s', (framing) => {
  channelSuite({
    test,
    setup: async () => {
      const turns = new Turns(new VirtualClock());
      const [a, b] = memoryPair({ framing });
      return { a: turns.over(a), b: turns.over(b), teardown: () => {} };
    },
  });
});

describe('channels that take turns, where everything is long and dear', () => {
  channelSuite({
    test,
    setup: async () => {
      let now = 0;
      const clock = Object.assign(new VirtualClock(), { now: () => (now += 5) });
      const turns = new Turns(clock, 0);
      const [a, b] = memoryPair();
      return { a: turns.over(a), b: turns.over(b), teardown: () => {} };
    },
  });
});

/**
 * An event loop whose turns the test takes: what was deferred runs in the next, and reading a line that says so
 * takes ms.
 */
class Loop extends VirtualClock {
  time = 0;
  readonly #next: (() => void)[] = [];
  readonly #timers: { at: number; fn: () => void }[] = [];

  override now(): number {
    return this.time;
  }

  override defer(fn: () => void): void {
    this.#next.push(fn);
  }

  override after(ms: number, fn: () => void): () => void {
    this.#timers.push({ at: this.time + ms, fn });
    return () => {};
  }

  /** What was asked for before it began, each as a callback of its own. */
  async turn(): Promise<void> {
    const due = this.#timers.filter(({ at }) => at <= this.time);
    this.#timers.splice(0, Infinity, ...this.#timers.filter(({ at }) => at > this.time));
    for (const fn of [...due.map((timer) => timer.fn), ...this.#next.splice(0)]) {
      fn();
      await settled(1);
    }
  }
}

/** Lines of a channel that takes turns, and how they are sent to it. Reading `{"ms":5}` takes 5 ms. */
function reader(loop: Loop, turns: Turns, read: string[], name: string) {
  // Its own clock: what is sent is there at once.
  const [far, near] = memoryPair();
  const channel = turns.over(near);
  const closes: unknown[] = [];
  channel.open({
    receive(data) {
      for (const line of String(data).trimEnd().split('\n')) {
        loop.time += Number(/"ms":(\d+)/.exec(line)?.[1] ?? 0);
        read.push(name + line.slice(0, 20).trim());
      }
    },
    drain() {},
    close: (error) => closes.push(error),
  });
  far.open({ receive() {}, drain() {}, close() {} });
  return {
    ...{ channel, far, closes },
    send: async (...texts: string[]): Promise<void> => {
      for (const text of texts) far.write(`${text}\n`);
      await settled(2);
    },
  };
}

const dear = `{"ms":60}${' '.repeat(20_000)}`;
const cheap = `{"ms":0}${' '.repeat(20_000)}`;
const small = '{}';

describe('turns', () => {
  test('until somebody took long, what is long is read as it comes', async () => {
    const [loop, read] = [new Loop(), [] as string[]];
    const turns = new Turns(loop);
    const one = reader(loop, turns, read, 'a');
    await one.send(cheap, small, cheap, cheap);
    expect(read).toEqual(['a{"ms":0}', 'a{}', 'a{"ms":0}', 'a{"ms":0}']);
  });

  test('after it, what is long of those waits, one in a turn of all together, each in its order', async () => {
    const [loop, read] = [new Loop(), [] as string[]];
    const turns = new Turns(loop);
    const [a, b, c] = ['a', 'b', 'c'].map((name) => reader(loop, turns, read, name));
    await a!.send(dear);
    await b!.send(dear);
    expect(read.splice(0)).toEqual(['a{"ms":60}', 'b{"ms":60}']);
    await a!.send(cheap, small, cheap);
    await b!.send(cheap);
    // Others, and who took no time for what is long, do not wait.
    await c!.send(small, cheap);
    expect(read.splice(0)).toEqual(['c{}', 'c{"ms":0}']);
    loop.time += 500;
    const taken: string[][] = [];
    for (let n = 0; n < 5; n++) {
      await loop.turn();
      taken.push(read.splice(0));
    }
    const [long] = ['{"ms":0}'];
    expect(taken).toEqual([[`a${long}`, 'a{}'], [`b${long}`], [`a${long}`], [], []]);
    loop.time += 1_000;
    await a!.send(cheap, cheap);
    expect(read).toEqual([`a${long}`, `a${long}`]);
  });

  test('who sends little is read between the dear, and those rest a quarter of what they took', async () => {
    const [loop, read] = [new Loop(), [] as string[]];
    const turns = new Turns(loop);
    const [a, b, honest] = ['a', 'b', 'c'].map((name) => reader(loop, turns, read, name));
    await a!.send(dear, dear, dear);
    await b!.send(dear, dear, dear);
    await honest!.send(small);
    read.splice(0);
    const from = loop.time;
    let longest = 0;
    for (let last = loop.time; read.filter((it) => it.includes('60')).length < 3;) {
      await loop.turn();
      longest = Math.max(longest, loop.time - last);
      last = loop.time;
      await honest!.send(small);
      loop.time += 1;
    }
    expect(longest).toBeLessThanOrEqual(61);
    // Fifteen between two of them.
    expect(read.filter((it) => it === 'c{}').length).toBeGreaterThanOrEqual(3 * 15);
    expect(loop.time - from).toBeLessThan(3 * (60 + 15 + 4));
  });

  test('where nobody else sends anything, there is no rest', async () => {
    const [loop, read] = [new Loop(), [] as string[]];
    const one = reader(loop, new Turns(loop), read, 'a');
    await one.send(dear, dear, dear);
    await loop.turn();
    await loop.turn();
    expect(read).toHaveLength(3);
    expect(loop.time).toBe(180);
  });

  test('many lines of text in one piece are read by 64 KiB a turn', async () => {
    const [loop, read] = [new Loop(), [] as string[]];
    const one = reader(loop, new Turns(loop), read, 'a');
    const other = reader(loop, new Turns(loop), read, 'b');
    const lines = Array.from({ length: 30_000 }, (_, n) => `{"n":${n}}`);
    await one.send(lines.join('\n'));
    const steps = [read.length];
    while (read.length < lines.length) {
      const before = read.length;
      await loop.turn();
      steps.push(read.length - before);
    }
    expect(Math.max(...steps)).toBeLessThan(10_000);
    expect(read).toEqual(lines.map((line) => `a${line}`));
    await other.send(small);
    expect(read.at(-1)).toBe('b{}');
  });

  test('what waits holds the channel back, and the end comes after it', async () => {
    const [loop, read] = [new Loop(), [] as string[]];
    const one = reader(loop, new Turns(loop), read, 'a');
    await one.send(dear, dear);
    for (let n = 0; n < 50; n++) await one.send(cheap);
    expect(one.far.buffered).toBeGreaterThan(49 * 20_000);
    one.far.close();
    await settled(5);
    expect([read.length, one.closes]).toEqual([1, []]);
    for (let n = 0; n < 60; n++) await loop.turn();
    expect([read.length, one.closes]).toEqual([52, [undefined]]);
  });

  test('who is paused, or has ended it, is read no more', async () => {
    const [loop, read] = [new Loop(), [] as string[]];
    const turns = new Turns(loop);
    const [one, two] = ['a', 'b'].map((name) => reader(loop, turns, read, name));
    await one!.send(dear, dear);
    await two!.send(dear, dear);
    read.splice(0);
    one!.channel.pause();
    two!.channel.destroy();
    for (let n = 0; n < 5; n++) await loop.turn();
    expect([read, two!.closes]).toEqual([[], [undefined]]);
    one!.channel.resume();
    await loop.turn();
    expect(read).toEqual(['a{"ms":60}']);
  });

  test('what takes long once, as when garbage is collected, is forgiven; twice among few it is not', async () => {
    const [loop, read] = [new Loop(), [] as string[]];
    const one = reader(loop, new Turns(loop), read, 'a');
    const slow = cheap.replace('0', '5');
    for (let n = 0; n < 5; n++) await one.send(slow, ...Array.from({ length: 8 }, () => cheap));
    expect(read.splice(0)).toHaveLength(45);
    await one.send(slow, cheap, slow, cheap);
    expect(read.splice(0)).toHaveLength(3);
    await loop.turn();
    expect(read).toHaveLength(1);
  });

  test('bytes that follow short text are as they are, those that follow long text complete it', async () => {
    const [loop, read] = [new Loop(), [] as string[]];
    const one = reader(loop, new Turns(loop), read, 'a');
    await one.send(dear);
    read.splice(0);
    one.far.write('{}\n', [new Uint8Array(50_000)]);
    await settled(2);
    const now = read.length;
    await loop.turn();
    expect([now > 1, read.splice(0).length]).toEqual([true, now]);
    one.far.write(`${cheap}\n`, [new Uint8Array(1)]);
    await settled(2);
    expect(read).toEqual([]);
    // Past the rest.
    loop.time += 20;
    await loop.turn();
    await loop.turn();
    expect(read).toHaveLength(2);
  });

  test('what takes turns beside channels, such as bodies of requests, does so too', async () => {
    const [loop, read] = [new Loop(), [] as string[]];
    const turns = new Turns(loop);
    const one = reader(loop, turns, read, 'a');
    await one.send(dear, cheap);
    for (const name of ['x', 'y']) turns.add({ turn: () => void read.push(name) });
    const seen: number[] = [];
    for (let n = 0; n < 3; n++) {
      await loop.turn();
      seen.push(read.length);
    }
    expect([read.slice(1), seen]).toEqual([
      ['a{"ms":0}', 'x', 'y'],
      [2, 3, 4],
    ]);
  });
});
