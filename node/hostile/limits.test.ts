import { afterEach, describe, expect, test } from 'vitest';
import type { Limits } from '../../src/limits.js';
import type { ServeOptions } from '../../src/service/serve.js';
import type { Served as Server } from '../../src/service/served.js';
import { dial, serve, sessionOf } from '../index.js';
import { greeting, hello, Raw } from './fixtures/raw.js';

const finish: (() => void)[] = [];
const api = {
  echo: (value: unknown) => value,
  size: (value: { length: number }) => value.length,
  slow: () => new Promise<void>((resolve) => finish.push(resolve)),
  hold: (...held: unknown[]) => void held,
  text: (n: number) => 'x'.repeat(n),
};

let server: Server;
const raws: Raw[] = [];
const logger = { warn() {} };
async function serving(limits: Partial<Limits>, more: ServeOptions = {}): Promise<void> {
  server = await serve(api, { port: 0, limits, logger, ...more });
}
afterEach(async () => {
  for (const raw of raws.splice(0)) raw.socket.destroy();
  finish.length = 0;
  await server.close();
});

const port = (): number => Number(new URL(server.endpoints[0] ?? '').port);
async function raw(dservice: object | null = hello): Promise<Raw> {
  const made = await Raw.dial(port());
  raws.push(made);
  made.say(greeting(dservice));
  await made.find((it) => it.method === 'methods');
  return made;
}
const codeOf = (args: unknown[]): unknown => (args[0] as { code?: string } | null)?.code;
const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);
const padded = (line: string, length: number): string => line + ' '.repeat(length - line.length);

test('line', async () => {
  await serving({ line: 100_000 });
  const one = await raw();
  one.say(padded('{"method":"echo","arguments":[1],"reply":1}', 100_000));
  expect((await one.find((it) => it.method === 1)).arguments).toEqual([null, 1]);
  one.say(padded('{"method":"echo","arguments":[1],"reply":2}', 100_001));
  expect(await one.closed()).toMatchObject({ code: 'ERR_LIMIT' });
});

test('a line without an end is not waited for', async () => {
  await serving({ line: 100_000 });
  const one = await raw();
  const piece = 'x'.repeat(10_000);
  for (let i = 0; i < 100 && !one.ended; i++) await one.bytes(piece).catch(() => {});
  await one.closed();
  expect(one.got.find((it) => it.control === 'close')).toMatchObject({ code: 'ERR_LIMIT' });
});

test('firstLine', async () => {
  await serving({ firstLine: 1_000 });
  const first = JSON.stringify(greeting());
  const one = await Raw.dial(port());
  raws.push(one);
  one.say(padded(first, 1_000));
  expect(await one.call('echo', [1])).toEqual([null, 1]);
  const two = await Raw.dial(port());
  two.say(padded(first, 1_001));
  expect(await two.closed()).toMatchObject({ code: 'ERR_LIMIT' });
});

test('depth, in short lines and in long ones', async () => {
  await serving({});
  const one = await raw();
  for (const fill of ['', ' '.repeat(1_000), ' '.repeat(200_000)]) {
    one.say(`{"method":"echo","arguments":[${nested(64)}${fill}],"reply":1}`);
    one.say(`{"method":"echo","arguments":[${nested(65)}${fill}],"reply":2}`);
    await one.find((it) => it.method === 2);
    expect(codeOf(one.got.find((it) => it.method === 1)?.arguments ?? [])).toBeUndefined();
    expect(codeOf(one.got.find((it) => it.method === 2)?.arguments ?? [])).toBe('ERR_LIMIT');
    one.got.length = 0;
  }
  one.say(`{"method":"echo","arguments":[${nested(1_900_000)}],"reply":3}`);
  expect(codeOf((await one.find((it) => it.method === 3)).arguments ?? [])).toBe('ERR_LIMIT');
  expect(await one.call('echo', [1])).toEqual([null, 1]);
});

test('nodes', async () => {
  await serving({});
  const one = await raw();
  const list = (n: number): number[] => Array.from({ length: n }, () => 1);
  expect(await one.call('size', [list(99_900)])).toEqual([null, 99_900]);
  expect(codeOf(await one.call('size', [list(100_000)]))).toBe('ERR_LIMIT');
  expect(await one.call('echo', [1])).toEqual([null, 1]);
});

test('entries', async () => {
  await serving({});
  const one = await raw();
  const dates = (n: number) => ({ types: { date: Array.from({ length: n }, (_, i) => [0, i]) } });
  const list = (n: number): string[] => Array.from({ length: n }, () => '2020-01-01T00:00:00.000Z');
  expect(await one.call('size', [list(10_000)], dates(10_000))).toEqual([null, 10_000]);
  expect(codeOf(await one.call('size', [list(10_001)], dates(10_001)))).toBe('ERR_LIMIT');
});

test('bigintDigits, regexp', async () => {
  await serving({});
  const one = await raw();
  const bigint = { types: { bigint: [['0']] } };
  expect(codeOf(await one.call('hold', ['9'.repeat(4_096)], bigint))).toBeUndefined();
  expect(codeOf(await one.call('hold', ['9'.repeat(4_097)], bigint))).toBe('ERR_LIMIT');
  const bomb = [`/[${String.raw`\p{L}`.repeat(50_000)}]/u`];
  expect(codeOf(await one.call('hold', bomb, { types: { regexp: [['0']] } }))).toBe('ERR_LIMIT');
});

test('functions', async () => {
  const kept: unknown[] = [];
  server = await serve(
    { keep: (fn: unknown) => void kept.push(fn) },
    { port: 0, limits: { functions: 10 } },
  );
  const one = await raw();
  for (let id = 0; id < 10; id++)
    expect(await one.call('keep', ['f'], { callbacks: { [id]: ['0'] } })).toEqual([]);
  expect(codeOf(await one.call('keep', ['f'], { callbacks: { 10: ['0'] } }))).toBe('ERR_LIMIT');
  expect(await one.find((it) => it.control === 'cull')).toMatchObject({ counts: { 10: 1 } });
});

describe('calls', () => {
  test('beyond the limit: ERR_BUSY, while others are served', async () => {
    await serving({ calls: 10 });
    const one = await raw();
    one.say(
      ...Array.from({ length: 50 }, (_, reply) => ({ method: 'slow', arguments: [], reply })),
    );
    await one.until(
      () => one.got.filter((it) => codeOf(it.arguments ?? []) === 'ERR_BUSY').length === 40,
    );
    expect(finish).toHaveLength(10);
    expect(await (await raw()).call('echo', [1])).toEqual([null, 1]);
    finish[0]?.();
    await one.find((it) => it.method === 0);
    expect(await one.call('echo', [1])).toEqual([null, 1]);
  });

  test('a dialer of ours holds back', async () => {
    await serving({ calls: 3 });
    const remote = await dial<typeof api>(server.endpoints[0] ?? '');
    const calls = Array.from({ length: 10 }, () => remote.slow());
    await remoteTurn(port());
    expect(finish).toHaveLength(3);
    // Each that ends lets one more in.
    for (let next = 0; next < 10; next++) {
      await until(() => finish.length > next);
      expect(finish.length).toBeLessThanOrEqual(next + 3);
      finish[next]?.();
    }
    await Promise.all(calls);
    sessionOf(remote).close();
  });
});

/** Looks once a turn until something holds. */
function until(condition: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    const look = (): unknown => (condition() ? resolve() : setImmediate(look));
    look();
  });
}

describe('unsent', () => {
  test('who does not read gets no more of its calls run, and goes on when it reads', async () => {
    let ran = 0;
    const big = 'x'.repeat(100_000);
    server = await serve(
      {
        big: () => {
          ran++;
          return big;
        },
      },
      { port: 0, limits: { unsent: 500_000 } },
    );
    const one = await raw();
    one.socket.pause();
    one.say(
      ...Array.from({ length: 2_000 }, (_, reply) => ({ method: 'big', arguments: [], reply })),
    );
    const others = await raw();
    for (let i = 0; i < 20; i++) expect((await others.call('big'))[1]).toHaveLength(100_000);
    // 200 MB were asked for.
    expect(ran).toBeLessThan(1_500);
    one.socket.resume();
    await one.find((it) => it.method === 1_999);
    expect(ran).toBe(2_020);
  });

  test('unsentMax: somebody who never reads is let go', async () => {
    await serving({ unsent: 100_000, unsentMax: 1_000_000 });
    const one = await raw();
    one.socket.pause();
    const [session] = server.sessions;
    const ended = new Promise<unknown>((resolve) => session?.on('end', resolve));
    one.say(
      { method: 'text', arguments: [4_000_000], reply: 1 },
      { method: 'text', arguments: [4_000_000], reply: 2 },
    );
    expect(await ended).toMatchObject({ code: 'ERR_LIMIT' });
    expect(await (await raw()).call('echo', [1])).toEqual([null, 1]);
  });

  test('two sides that flood each other get everything done', async () => {
    const big = 'x'.repeat(50_000);
    const both = { big: (text: string) => text + big };
    const limits = { unsent: 100_000 };
    server = await serve(both, { port: 0, limits });
    const remote = await dial<typeof both>(server.endpoints[0] ?? '', { api: both, limits });
    const [session] = server.sessions;
    const calls: Promise<unknown>[] = [];
    for (let i = 0; i < 200; i++)
      calls.push(remote.big(big), session?.call('big', [big]) ?? Promise.reject(new Error('none')));
    const outcomes = await Promise.all(calls);
    expect(outcomes.every((it) => (it as string).length === 100_000)).toBe(true);
    sessionOf(remote).close();
  });
});

test('handshake', async () => {
  await serving({ handshake: 50 });
  const one = await Raw.dial(port());
  one.say('{"method":"echo","arguments":[1]}');
  expect(await one.closed()).toMatchObject({ code: 'ERR_TIMEOUT' });
  const two = await Raw.dial(port());
  await two.closed();
});

test('sessions, over all addresses', async () => {
  await serving({ sessions: 3 });
  const three = [await raw(), await raw(), await raw()];
  await refused();
  expect(await three[0]?.call('echo', [1])).toEqual([null, 1]);
  three[2]?.socket.end();
  await three[2]?.closed();
  await freed(2);
  expect(await (await raw()).call('echo', [1])).toEqual([null, 1]);
});

test('sessionsPerAddress', async () => {
  await serving({ sessionsPerAddress: 2 });
  const two = [await raw(), await raw()];
  await refused();
  expect(await two[1]?.call('echo', [1])).toEqual([null, 1]);
});

test('buffered: half lines of all sessions together', async () => {
  await serving({ buffered: 100_000 });
  const one = await raw();
  const two = await raw();
  await one.bytes(`{"method":"echo","arguments":["${'x'.repeat(60_000)}`);
  expect(await (await raw()).call('echo', [1])).toEqual([null, 1]);
  await two.bytes(`{"method":"echo","arguments":["${'x'.repeat(60_000)}`);
  // Whose is the oldest gives way.
  expect(await one.closed()).toMatchObject({ code: 'ERR_LIMIT' });
  await two.bytes('"],"reply":9}\n');
  expect((await two.find((it) => it.method === 9)).arguments?.[1]).toHaveLength(60_000);
});

/** A connection that is ended without a session, and told why. */
async function refused(): Promise<void> {
  const one = await Raw.dial(port());
  expect(await one.closed()).toMatchObject({ code: 'ERR_BUSY' });
  expect(one.got).toHaveLength(1);
  await expect(dial(server.endpoints[0] ?? '')).rejects.toMatchObject({
    ...{ code: 'ERR_CONNECTION_LOST', cause: { code: 'ERR_BUSY' } },
  });
}

/** Waits until the server has so few sessions. */
async function freed(count: number): Promise<void> {
  while (server.sessions.size > count) await new Promise((resolve) => setImmediate(resolve));
}

/** A whole exchange over the loopback: what was under way before it has arrived. */
async function remoteTurn(at: number): Promise<void> {
  const one = await Raw.dial(at);
  one.say(greeting());
  await one.call('echo', [1]);
  one.socket.destroy();
}
