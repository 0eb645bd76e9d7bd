import { expect, onTestFinished, test } from 'vitest';
import WebSocket from 'ws';
import { ourHello } from '../../src/testing/fixtures/peer.js';
import { serve } from '../index.js';

/** Streams of a peer that lies, over a real WebSocket; and calls beside a stream without end. */

interface Line {
  method?: unknown;
  arguments?: unknown[];
  callbacks?: Record<string, string[]>;
  reply?: number;
  [key: string]: unknown;
}

const api = {
  state: { made: 0, ended: 0 },
  echo: (it: unknown) => it,
  async *rows() {
    try {
      for (;;) yield 'x'.repeat(1_000) + api.state.made++;
    } finally {
      api.state.ended++;
    }
  },
};

async function raw() {
  const server = await serve({ echo: api.echo, rows: api.rows }, { port: 0 });
  onTestFinished(() => server.close());
  const socket = new WebSocket(server.endpoints[0]!.replace('tcp', 'ws'));
  onTestFinished(() => socket.terminate());
  const got: Line[] = [];
  const wake = new Set<() => void>();
  socket.on('message', (data, binary) => {
    if (binary) return;
    // Of text, `ws` gives one Buffer.
    for (const line of (data as Buffer).toString().split('\n'))
      if (line !== '') got.push(JSON.parse(line) as Line);
    for (const each of wake) each();
  });
  await new Promise((resolve) => socket.once('open', resolve));
  const say = (...lines: Line[]): void =>
    socket.send(lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  const find = async (fits: (line: Line) => boolean): Promise<Line> => {
    for (;;) {
      const found = got.find(fits);
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => {
        const again = (): void => {
          wake.delete(again);
          resolve();
        };
        wake.add(again);
      });
    }
  };
  say({ method: 'methods', arguments: [{}], callbacks: {}, links: [], dservice: ourHello });
  await find(({ method }) => method === 'methods');
  say({ method: 'rows', arguments: [], reply: 1 });
  const { callbacks = {} } = await find(({ method }) => method === 1);
  const next = Number(Object.keys(callbacks).find((id) => callbacks[id]?.includes('next')));
  return { server, got, say, find, next };
}

test.each([
  ['more than anybody has', [1e99, 1e99]],
  ['less than nothing', [-5, -1]],
  ['no numbers', ['many', null]],
])('credit that lies, over a WebSocket: %s', async (_, credit) => {
  const { server, say, find, got, next } = await raw();
  const before = api.state.made;
  say({ method: next, arguments: credit, reply: 2 }, { method: 'echo', arguments: [7], reply: 3 });
  expect((await find(({ method }) => method === 3)).arguments).toEqual([null, 7]);
  await find(({ method }) => method === 2);
  // One answer to one `next`, of what a chunk is; and nothing is made that was not asked for.
  const answers = got.filter(({ method }) => method === 2);
  expect(answers).toHaveLength(1);
  expect(JSON.stringify(answers[0]).length).toBeLessThan(200_000);
  say({ method: 'echo', arguments: [8], reply: 4 });
  await find(({ method }) => method === 4);
  expect(api.state.made - before).toBeLessThan(200);
  expect([...server.sessions].map((it) => it.ended)).toEqual([false]);
});

test('thousands of `next`s at once are answered as far as they are read, and calls go on', async () => {
  const { say, find, next } = await raw();
  const before = api.state.made;
  say(
    ...Array.from({ length: 5_000 }, (_, n) => ({
      ...{ method: next, arguments: [64, 65_536], reply: 100 + n },
    })),
    { method: 'echo', arguments: ['on'], reply: 7_000 },
  );
  expect((await find(({ method }) => method === 7_000)).arguments).toEqual([null, 'on']);
  expect(api.state.made - before).toBeLessThan(64 * 5_000);
});
