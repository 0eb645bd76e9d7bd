import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import { Children } from './fixtures/children.js';
import { meetingPlace } from './fixtures/local.js';
import { Exposed, serve } from './index.js';

// Processes take their time to start on a busy machine.
vi.setConfig({ testTimeout: 30_000 });

let children: Children;
beforeAll(() => void (children = new Children()));
afterAll(() => children.close());

class Meter extends Exposed {
  read(): number {
    return 7;
  }
}

const api = {
  twice: async (fn: (n: number) => Promise<number>) => (await fn(1)) + (await fn(2)),
  keep: (_fn: unknown) => () => 'kept',
  meter: () => new Meter(),
  async *rows() {
    for (let n = 0; ; n++) yield n;
  },
  async sum(rows: AsyncIterable<number>) {
    let sum = 0;
    for await (const n of rows) sum += n;
    return sum;
  },
  sink: () => new WritableStream(),
  until: (signal: AbortSignal) =>
    new Promise((resolve) => signal.addEventListener('abort', () => resolve(signal.reason))),
  stuck: () => new Promise(() => {}),
};

/** What `using` is compiled to, and in its block what could hold a process; `left` is not over at its end. */
const uses = (open: string, left = ''): string => `
  async function main() {
    ${open}
    try {
      console.log('twice', await remote.twice(async (n) => n * 10));
      globalThis.meter = await remote.meter();
      console.log('meter', await meter.read());
      let rows = 0;
      for await (const _ of await remote.rows()) if (++rows === 50) break;
      console.log('sum', await remote.sum((async function* () { yield 1; yield 2; })()));
      const writer = (await remote.sink()).getWriter();
      await writer.write('x');
      await writer.close();
      const stop = new AbortController();
      const until = remote.until(stop.signal);
      stop.abort('why');
      console.log('until', await until);
      ${left}
      console.log('end');
    } finally {
      remote[Symbol.dispose]();
    }
  }
  main();
`;
const said = ['twice 30', 'meter 7', 'sum 3', 'until why', 'end'];

const left = `
  globalThis.kept = await remote.keep(() => {});
  globalThis.rows = await remote.rows();
  await globalThis.rows.next();
  globalThis.writing = (await remote.sink()).getWriter();
  await writing.write('x');
  globalThis.never = new AbortController();
  for (const call of [remote.until(never.signal), remote.stuck(), remote.sum(globalThis.rows)]) call.catch(() => {});
`;

test.each(['tcp', 'ws'])('who dials over %s with `using` ends by itself', async (scheme) => {
  const server = await serve(api, { port: 0 });
  const at = server.endpoints[0]!.replace(/^tcp/, scheme);
  const child = children.start(uses(`const remote = await dial('${at}');`, left));
  expect(await child.ended).toEqual({ code: 0, signal: null });
  expect(child.errors).toBe('');
  expect(child.lines).toEqual(said);
  await server.close();
});

test('who connects by name with `using` ends by itself', async () => {
  const { port, start } = await meetingPlace();
  await start('all@1.0.0', api);
  const child = children.start(
    uses(
      `const discovery = mdns({ reach: 'local', port: ${port} });
      const remote = await dservice({ discovery }).connect('all@^1');`,
    ),
  );
  // Connections are shared, and there as long as the service holds a callback: till it is collected there.
  const collecting = setInterval(() => globalThis.gc?.(), 50);
  onTestFinished(() => clearInterval(collecting));
  expect(await child.ended).toEqual({ code: 0, signal: null });
  expect(child.errors).toBe('');
  expect(child.lines).toEqual(said);
});
