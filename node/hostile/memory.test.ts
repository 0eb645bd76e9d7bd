import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Child, Children } from '../fixtures/children.js';
import { greeting, Raw } from './fixtures/raw.js';

/**
 * What attackers can make a server hold, at their worst, in a process of its own: each kind of them within
 * its bound, one as well as twenty, an honest client served after, and all of it given back at their end.
 * The limits are a sixty-fourth of the usual, so that twenty fit into any machine.
 */

const MiB = 1024 * 1024;
const limits = {
  ...{ line: MiB / 16, attachments: MiB / 4, held: MiB, unsent: MiB / 64, unsentMax: MiB },
  ...{ buffered: 4 * MiB, calls: 200, functions: 5_000 },
};
/** What JSON of a few characters becomes, at the most: `{}` is an object. */
const parsed = 25;
/** What a session costs by itself, and its socket. */
const session = 100_000;
/** The collector is done when it likes, and code takes room as well. */
const slack = 20 * MiB;

const victim = `
  require('node:v8').setFlagsFromString('--expose-gc');
  const gc = require('node:vm').runInNewContext('gc');
  const busy = new Set();
  const api = {
    echo: (value) => value,
    // Keeps what it got as long as its caller is there: as a handler does that is busy with it.
    wait: (...args) =>
      new Promise(() => {
        const work = { args };
        busy.add(work);
        context().signal.addEventListener('abort', () => busy.delete(work));
      }),
    text: (n) => 'x'.repeat(n) + Math.random(),
  };
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  const options = { port: 0, limits: ${JSON.stringify(limits)}, logger: { warn() {} } };
  serve(api, options).then((server) => {
    console.log('at ' + server.endpoints[0]);
    process.stdin.on('data', async (said) => {
      // Twice, as it is asked again until nothing changes: with millions of objects each takes its time.
      for (let i = 0; i < 2; i++) {
        gc();
        await turn();
      }
      const { heapUsed, external } = process.memoryUsage();
      console.log(String(said).trim() + ' ' + (heapUsed + external) + ' ' + server.sessions.size);
    });
  });
`;

interface Attack {
  /** Bytes that one may make the server hold; `all`, that all of them may together. */
  readonly one: number;
  readonly all?: number;
  run(raw: Raw, id: number): Promise<void>;
}

const hi = (raw: Raw): void => raw.say(greeting());
/** So many pieces, however many of them are taken: who is made to wait is not waited for. */
const pour = (raw: Raw, text: string, times: number): void => {
  // As few writes as may be: it is the server that is to be kept busy.
  const each = Math.ceil(64_000 / text.length);
  for (let n = 0; n < times && !raw.ended; n += each)
    raw.socket.write(text.repeat(Math.min(each, times - n)));
};
const objects = `[${'{},'.repeat(4_700)}{}]`;
const call = (method: string, args: string, more = ''): string =>
  `{"method":"${method}","arguments":[${args}]${more}}\n`;

const attacks: Record<string, Attack> = {
  'half a line': {
    ...{ one: limits.line, all: limits.buffered },
    async run(raw) {
      hi(raw);
      await raw.bytes(`{"method":"echo","arguments":["${'x'.repeat(limits.line - 100)}`);
    },
  },
  'half of what follows a line': {
    ...{ one: 2 * limits.attachments, all: 2 * limits.buffered },
    async run(raw) {
      hi(raw);
      const bin = '"types":{"bytes":[["Uint8Array",["0"]]]},"bin":[260000],"reply":1';
      raw.say(`{"method":"echo","arguments":[null],${bin}}`);
      await raw.bytes(Buffer.alloc(259_000));
    },
  },
  'calls that do not end, of many small objects': {
    // Text counts four times.
    one: (limits.held / 4) * parsed + limits.unsentMax,
    async run(raw) {
      hi(raw);
      // Half as much again as may be held. Of more, channels would wait, and bring a piece a second: see those below.
      pour(raw, call('wait', objects), 30);
      await new Promise((resolve) => setImmediate(resolve));
    },
  },
  'calls that wait for those': {
    ...{ one: (limits.held / 4) * parsed + limits.unsentMax },
    async run(raw) {
      hi(raw);
      pour(raw, call('wait', objects), 20);
      pour(raw, call('echo', '{},{},{},{}'), 20_000);
      await new Promise((resolve) => setImmediate(resolve));
    },
  },
  'outcomes that are kept': {
    one: 1.3 * limits.held + limits.line,
    async run(raw) {
      hi(raw);
      for (let n = 0; n < 45; n++) {
        await raw.call('text', [25_000], { keep: true });
        raw.got.length = 1;
      }
    },
  },
  'outcomes that are not read': {
    one: limits.unsentMax,
    async run(raw) {
      hi(raw);
      await raw.call('echo');
      raw.socket.pause();
      pour(raw, call('text', '25000', ',"reply":1'), 400);
      await new Promise((resolve) => setImmediate(resolve));
    },
  },
  'functions of calls that do not end': {
    // What stands for one: an id, two closures, a weak reference, a place in the registry.
    one: limits.functions * 1_200,
    async run(raw) {
      hi(raw);
      for (let at = 0; at < 4; at++) {
        const ids = Array.from({ length: 1_250 }, (_, i) => i);
        const places = ids.map((i) => `"${at * 1_250 + i}":[0,${i}]`).join(',');
        pour(raw, call('wait', `[${ids.map(() => 0).join(',')}]`, `,"callbacks":{${places}}`), 1);
      }
      await raw.call('echo');
    },
  },
  'calls that wait for an outcome': {
    one: limits.calls * 4_500,
    async run(raw) {
      hi(raw);
      pour(raw, call('wait', '', ',"reply":1,"keep":true'), 1);
      for (let n = 2; n < 2 * limits.calls; n++)
        pour(
          raw,
          `{"on":1,"method":["x","y"],"arguments":[${'[],'.repeat(50)}0],"reply":${n}}\n`,
          1,
        );
      await raw.find(({ method }) => method === 2 * limits.calls - 1);
    },
  },
};

const children = new Children();
let child: Child;
let port: number;
beforeAll(async () => {
  child = children.start(victim);
  port = Number(/:(\d+)$/.exec(await child.line(/^at /))?.[1]);
});
afterAll(() => children.close());

let measures = 0;
async function used(): Promise<{ bytes: number; sessions: number }> {
  const name = `m${measures++}`;
  child.process.stdin?.write(`${name}\n`);
  const [, bytes, sessions] = (await child.line(new RegExp(`^${name} `))).split(' ').map(Number);
  return { bytes: bytes ?? 0, sessions: sessions ?? 0 };
}
/** What is used when it changes no more, and no more sessions are there than that. */
async function settled(most = Infinity): Promise<number> {
  for (let last = 0; ;) {
    const { bytes, sessions } = await used();
    if (sessions <= most && Math.abs(bytes - last) < MiB / 8) return bytes;
    last = bytes;
  }
}

describe.each(Object.entries(attacks))('%s', (name, { one, all = Infinity, run }) => {
  test.each([1, 20])('of %d', { timeout: 120_000 }, async (count) => {
    const before = await settled(0);
    const raws = await Promise.all(Array.from({ length: count }, () => Raw.dial(port)));
    await Promise.all(raws.map((raw, i) => run(raw, i).catch(() => {})));
    const honest = await Raw.dial(port);
    hi(honest);
    expect(await honest.call('echo', [1])).toEqual([null, 1]);
    const bytes = await settled();
    expect(await honest.call('echo', [2])).toEqual([null, 2]);
    const held = bytes - before;
    if (process.env.FIGURES !== undefined)
      console.log(
        `${name} × ${count}: ${(held / MiB).toFixed(1)} MiB of ${((Math.min(one * count, all) + session * count) / MiB).toFixed(1)}`,
      );
    expect(held).toBeLessThan(Math.min(one * count, all) + session * count + slack);
    for (const raw of [...raws, honest]) raw.socket.destroy();
    expect((await settled(0)) - before).toBeLessThan(slack);
  });
});
