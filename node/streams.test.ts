import {
  createReadStream,
  createWriteStream,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { connect as connectTcp, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { afterAll, describe, expect, onTestFinished, test } from 'vitest';
import { staticDiscovery } from '../src/discovery/static.js';
import { codeOf } from '../src/testing/fixtures/peer.js';
import { nodeClock } from './clock.js';
import { Detour } from './fixtures/detour.js';
import dservice, { context, dial, serve, sessionOf } from './index.js';

const folder = mkdtempSync(join(tmpdir(), 'dservice-streams-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

type Rows = AsyncIterableIterator<{ i: number }> & AsyncDisposable;

interface Api {
  rows(most?: number): Rows;
  stuck(): Rows;
  open(): WritableStream<unknown>;
  read(path: string): ReadableStream<Uint8Array>;
  write(path: string): WritableStream<Uint8Array>;
  objects(): Readable;
  upper(): PassThrough;
  fails(): ReadableStream<unknown>;
  echo<T>(it: T): T;
  blob(): Blob;
}

const state = { made: 0, ended: 0, aborted: 0 };

const api = {
  async *rows(most = Infinity) {
    const { signal } = context();
    signal.addEventListener('abort', () => state.aborted++);
    try {
      for (let i = 0; i < most; i++) {
        state.made++;
        yield { i };
      }
    } finally {
      state.ended++;
    }
  },
  async *stuck() {
    const { signal } = context();
    yield { i: 0 };
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
    state.aborted++;
  },
  read: (path: string) => createReadStream(path),
  write: (path: string) => createWriteStream(path),
  objects: () => Readable.from([{ a: 1 }, { a: 2 }]),
  upper: () => new PassThrough(),
  fails: () => {
    let read = 0;
    return new Readable({
      highWaterMark: 4,
      read() {
        if (read++ === 0) this.push('some');
        else this.destroy(Object.assign(new Error('gone'), { code: 'E_GONE' }));
      },
    });
  },
  echo: (it: unknown) => it,
  blob: () => new Blob(['blob'], { type: 'text/x' }),
};

async function reach(way: 'tcp' | 'ws') {
  const server = await serve(api, { port: 0 });
  onTestFinished(() => server.close());
  const port = server.endpoints[0]?.split(':').at(-1) ?? '';
  const remote = await dial<Api>(`${way}://127.0.0.1:${port}`);
  onTestFinished(() => sessionOf(remote)?.close());
  return { remote, port: Number(port) };
}

/** Resolves once it is so. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => nodeClock.after(1, () => resolve(0)));
}

describe.each(['tcp', 'ws'] as const)('over %s', (way) => {
  test('rows, as far as they are wanted; timers run meanwhile', async () => {
    const { remote } = await reach(way);
    const before = { ...state };
    let ticks = 0;
    const timer = setInterval(() => ticks++, 1);
    let next = 0;
    for await (const { i } of await remote.rows()) {
      expect(i).toBe(next++);
      if (i === 20_000) break;
    }
    clearInterval(timer);
    expect(ticks).toBeGreaterThan(2);
    await until(() => state.ended === before.ended + 1);
    expect(state.aborted).toBe(before.aborted + 1);
    // The credit beyond what was read: eight times 64, and what waits.
    expect(state.made - before.made).toBeLessThan(20_001 + 11 * 64);
    await until(() => sessionOf(remote)?.tables.pending === 0);
  });

  test('a reader that stalls stops nobody else', async () => {
    const { remote } = await reach(way);
    const rows = await remote.rows();
    await rows.next();
    const before = state.made;
    for (let i = 0; i < 200; i++) expect(await remote.echo(i)).toBe(i);
    expect(state.made - before).toBeLessThan(11 * 64);
    await rows.return?.();
  });

  test('leaving a generator that waits: its signal fires', async () => {
    const { remote } = await reach(way);
    const before = state.aborted;
    for await (const _ of await remote.stuck()) break;
    await until(() => state.aborted === before + 1);
  });

  test('files: read and written', async () => {
    const { remote } = await reach(way);
    const bytes = Uint8Array.from({ length: 3_000_000 }, (_, n) => (n * 7) % 251);
    const [from, to] = [join(folder, `${way}-from`), join(folder, `${way}-to`)];
    writeFileSync(from, bytes);
    const file = await remote.read(from);
    expect(file).toBeInstanceOf(ReadableStream);
    await file.pipeTo(await remote.write(to));
    expect(readFileSync(to).equals(bytes)).toBe(true);
    // Node's own streams, from both.
    const again = join(folder, `${way}-again`);
    const target = Writable.fromWeb((await remote.write(again)) as never);
    await pipeline(Readable.fromWeb((await remote.read(to)) as never), target);
    expect(readFileSync(again).equals(bytes)).toBe(true);
  });

  test('errors of Node streams arrive: of a file that is not there, and in the middle', async () => {
    const { remote } = await reach(way);
    const nowhere = join(folder, 'nowhere', 'x');
    const reader = (await remote.read(nowhere)).getReader();
    expect(await codeOf(reader.read())).toBe('ENOENT');
    const writer = (await remote.write(nowhere)).getWriter();
    writer.write(new Uint8Array(5)).catch(() => {});
    expect(await codeOf(writer.closed)).toBe('ENOENT');
    const fails = (await remote.fails()).getReader();
    expect(Buffer.from((await fails.read()).value as Uint8Array).toString()).toBe('some');
    expect(await codeOf(fails.read())).toBe('E_GONE');
  });

  test('object mode, a Duplex, a Blob', async () => {
    const { remote } = await reach(way);
    const got: unknown[] = [];
    for await (const value of (await remote.objects()) as unknown as Rows) got.push(value);
    expect(got).toEqual([{ a: 1 }, { a: 2 }]);
    const { readable, writable } = await remote.upper();
    const writer = writable.getWriter();
    await writer.write(new TextEncoder().encode('through'));
    void writer.close();
    expect(await new Response(readable).text()).toBe('through');
    const blob = await remote.blob();
    expect([blob.size, blob.type, await blob.text()]).toEqual([4, 'text/x', 'blob']);
  });

  test('who forgets a stream ends it', async () => {
    const { remote } = await reach(way);
    const before = state.ended;
    await (async () => {
      await (await remote.rows()).next();
    })();
    for (let i = 0; i < 500 && state.ended === before; i++) {
      globalThis.gc?.();
      await new Promise((resolve) => nodeClock.after(1, () => resolve(0)));
    }
    expect(state.ended).toBe(before + 1);
    await until(() => sessionOf(remote)?.tables.pending === 0);
  });

  test('the connection is lost: the reader is told, and the generator ends', async () => {
    const { port } = await reach(way);
    const detour = new Detour({ port, host: '127.0.0.1' });
    onTestFinished(() => detour.close());
    const remote = await dial<Api>(`${way}://127.0.0.1:${await detour.listen()}`);
    const before = state.ended;
    const rows = await remote.stuck();
    const others = await remote.rows();
    await others.next();
    await rows.next();
    const next = codeOf(rows.next());
    detour.cut('reset');
    expect(await next).toBe('ERR_CONNECTION_LOST');
    await until(() => state.ended === before + 1);
  });
});

describe('services', () => {
  const logger = { warn() {} };
  const nowhere = () => staticDiscovery({ clock: nodeClock, instances: [] });

  async function instance(given: object) {
    const service = dservice('s', given, { discovery: nowhere(), logger, port: 0 } as never);
    onTestFinished(() => service.stop(0));
    await service.start();
    const port = Number(service.endpoints.at(-1)?.split(':').at(-1));
    const detour = new Detour({ port, host: '127.0.0.1' });
    onTestFinished(() => detour.close());
    return { service, detour, endpoint: `tcp://127.0.0.1:${await detour.listen()}` };
  }

  async function caller(...endpoints: string[]) {
    const instances = endpoints.map((endpoint) => ({ name: 's', endpoints: [endpoint] }));
    const discovery = staticDiscovery({ clock: nodeClock, instances });
    const made = dservice({ discovery, logger });
    onTestFinished(() => made.stop());
    return made;
  }

  test('through connect(): outcomes and arguments, and over a resume nothing is lost', async () => {
    const { detour, endpoint } = await instance({
      ...api,
      sum: async (rows: Rows) => {
        let sum = 0;
        for await (const { i } of rows) sum += i;
        return sum;
      },
    });
    const made = await caller(endpoint);
    const remote = await made.connect<Api & { sum(rows: Rows): number }>('s');
    let sum = 0;
    for await (const { i } of await remote.rows(1_000)) sum += i;
    expect(sum).toBe(499_500);
    let cut = false;
    const slow = async function* () {
      for (let i = 0; i < 3_000; i++) {
        if (i === 1_000) {
          detour.cut('reset');
          detour.mend();
        }
        yield { i };
      }
    };
    expect(await remote.sum(slow() as never)).toBe(4_498_500);
    let next = 0;
    for await (const { i } of await remote.rows(5_000)) {
      expect(i).toBe(next++);
      if (i === 2_000 && !cut) {
        cut = true;
        detour.cut('reset');
        detour.mend();
      }
    }
    expect(next).toBe(5_000);
  });

  test('a call with a stream that was begun is not made again', async () => {
    let calls = 0;
    const give = { take: () => new Promise(() => void calls++) };
    const one = await instance(give);
    const two = await instance(give);
    const made = await caller(one.endpoint, two.endpoint);
    const remote = await made.connect<{ take(it: unknown): void }>('s');
    const { options } = await import('./index.js');
    const twice = options(remote, { idempotent: true, deadline: 10_000 });
    const outcome = codeOf(twice.take(api.rows.call(null, 3)));
    await until(() => calls === 1);
    await Promise.all([one, two].map(({ service }) => service.stop(1)));
    expect(await outcome).toBe('ERR_CONNECTION_LOST');
    expect(calls).toBe(1);
  });

  test('stop() ends a stream at the end of its grace, with an error', async () => {
    const { service, endpoint } = await instance(api);
    const made = await caller(endpoint);
    const remote = await made.connect<Api>('s');
    const rows = await remote.stuck();
    await rows.next();
    const next = codeOf(rows.next());
    await service.stop(50);
    expect(await next).toBe('ERR_CLOSED');
  });
});

test('the dnode of 2011 drives a stream by hand', async () => {
  const { port } = await reach('tcp');
  interface Batch {
    values: { i: number }[];
    done: boolean;
  }
  type Stream = Record<'next', (items: number, bytes: number, cb: (batch: Batch) => void) => void>;
  // It has no types of its own.
  const protocol = createRequire(import.meta.url)('dnode-protocol') as (api: object) => {
    on(event: string, listener: (it: never) => void): void;
    start(): void;
    handle(message: object): void;
  };
  const proto = protocol({});
  const socket: Socket = connectTcp(port, '127.0.0.1');
  onTestFinished(() => void socket.destroy());
  const got = await new Promise<Batch[]>((resolve) => {
    proto.on('request', (message) => void socket.write(`${JSON.stringify(message)}\n`));
    let rest = '';
    socket.on('data', (data) => {
      const lines = (rest + data.toString()).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) proto.handle(JSON.parse(line) as object);
    });
    proto.on('remote', (remote: { rows(most: number, cb: (it: Stream) => void): void }) => {
      remote.rows(100, (stream) => {
        const batches: Batch[] = [];
        const more = (): void =>
          stream.next(64, 65_536, (batch) => {
            batches.push(batch);
            if (batch.done) resolve(batches);
            else more();
          });
        more();
      });
    });
    proto.start();
  });
  expect(got.flatMap(({ values }) => values.map(({ i }) => i))).toEqual(
    Array.from({ length: 100 }, (_, n) => n),
  );
});
