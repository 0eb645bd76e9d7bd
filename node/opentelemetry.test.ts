import { mkdtempSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import * as api from '@opentelemetry/api';
import { build } from 'esbuild';
import { afterAll, beforeAll, beforeEach, expect, it, onTestFinished } from 'vitest';
import { otel } from '../src/service/opentelemetry.js';
import { method } from '../src/protocol/method.js';
import { options } from '../src/protocol/options.js';
import type { Session } from '../src/protocol/session.js';
import { dial, serve } from './index.js';
import { Tracing } from './fixtures/otel.js';
import { meetingPlace } from './fixtures/local.js';

type Callback = (value: number) => unknown;

let tracing: Tracing;
const observe = otel(api);

beforeAll(() => void (tracing = new Tracing()));
beforeEach(() => tracing.forget());
afterAll(() => tracing.stop());

it('spans of three services and their callbacks are one trace, each below what caused it', async () => {
  const { start, caller } = await meetingPlace();
  await start(
    'c',
    { last: async (x: number, cb: Callback) => void (await cb(x + 1)) },
    { observe },
  );
  const b = await start(
    'b',
    {
      async middle(x: number, cb: Callback) {
        const c = await b.connect('c');
        await c.last(x, async (y: number) => void (await cb(y + 1)));
      },
    },
    { observe },
  );
  const a = caller({ observe });
  const remote = await a.connect('b');
  const got: number[] = [];
  await tracing.within('program', () =>
    remote.middle(1, async (y: number) => {
      await Promise.resolve();
      await tracing.within('in the callback', () => Promise.resolve(got.push(y)));
    }),
  );
  expect(got).toEqual([3]);
  await tracing.ended(10);
  expect(tracing.tree).toEqual([
    'internal program',
    '  client b/middle',
    '    server b/middle',
    '      client c/last',
    '        server c/last',
    '          client callback',
    '            server b/callback',
    '              client callback',
    '                server callback',
    '                  internal in the callback',
  ]);
  const { spans } = tracing;
  expect(spans).toHaveLength(10);
  expect(new Set(spans.map((span) => span.spanContext().traceId)).size).toBe(1);
  expect(spans.map(({ status }) => status.code)).toEqual(spans.map(() => api.SpanStatusCode.UNSET));
});

it('what failed is told on both spans, with its kind', async () => {
  const { start, caller } = await meetingPlace();
  const fails = (): never => {
    throw new RangeError('too far');
  };
  const { id } = await start('s@1.0.0', { fails }, { observe });
  const remote = await caller({ observe }).connect('s');
  await expect(remote.fails()).rejects.toThrow('too far');
  await tracing.ended(2);
  const [client, server] = tracing.spans;
  const exception = { name: 'exception', attributes: { 'exception.message': 'too far' } };
  expect(client).toMatchObject({
    kind: api.SpanKind.CLIENT,
    status: { code: api.SpanStatusCode.ERROR, message: 'too far' },
    attributes: {
      'rpc.system.name': 'dservice',
      'rpc.method': 's/fails',
      'server.address': '127.0.0.1',
      'dservice.instance.id': id,
      'error.type': 'RangeError',
    },
    events: [exception],
  });
  expect(server).toMatchObject({
    kind: api.SpanKind.SERVER,
    status: { code: api.SpanStatusCode.ERROR, message: 'too far' },
    attributes: { 'client.address': '127.0.0.1', 'error.type': 'RangeError' },
    events: [exception],
  });
});

it('a call that is made again is one span of its caller, with the retry as an event', async () => {
  const { start, caller } = await meetingPlace();
  const lost: string[] = [];
  const once = async (): Promise<void> => {
    const sessions = new Set<Session>();
    const go = method({ idempotent: true }, () => {
      if (lost.length > 0) return 'done';
      lost.push(service.id);
      for (const session of sessions) session.close();
      return 'lost';
    });
    const service = await start('s@1.0.0', { go }, { observe });
    service.on('session', (session) => sessions.add(session));
  };
  await Promise.all([once(), once()]);
  const asking = caller({ observe });
  const known = new Set<string>();
  await new Promise<void>((resolve) =>
    asking.discovery.browse('s', ({ record: { id } }) => known.add(id).size === 2 && resolve()),
  );
  const remote = await asking.connect('s');
  expect(await remote.go()).toBe('done');
  await tracing.ended(3);
  expect(tracing.tree).toEqual(['client s/go', '  server s/go', '  server s/go']);
  const [client] = tracing.spans;
  expect(client?.status).toEqual({ code: api.SpanStatusCode.UNSET });
  expect(client?.events).toMatchObject([
    {
      name: 'retry',
      attributes: {
        'dservice.instance.id': lost[0],
        'error.type': 'ERR_CONNECTION_LOST',
      },
    },
  ]);
  // Of the span itself, it is the one that answered.
  expect(client?.attributes['dservice.instance.id']).not.toBe(lost[0]);
});

it('a trace that the caller names goes before the active span; state goes along', async () => {
  const server = await serve({ f: () => {} }, { port: 0, observe });
  onTestFinished(() => server.close());
  await using remote = await dial(server.endpoints[0] ?? '', { observe });
  const trace = 'b'.repeat(32);
  const named = { traceparent: `00-${trace}-${'c'.repeat(16)}-01`, tracestate: 'v=1' };
  await tracing.within('program', () => options(remote, named).f());
  await tracing.within('other', () => options(remote, { traceparent: 'nonsense' }).f());
  await tracing.ended(6);
  const ours = tracing.spans.filter((span) => span.spanContext().traceId === trace);
  expect(
    ours.map((span) => [
      api.SpanKind[span.kind],
      span.name,
      span.parentSpanContext?.spanId,
      span.spanContext().traceState?.serialize(),
    ]),
  ).toEqual([
    ['CLIENT', 'f', 'c'.repeat(16), 'v=1'],
    ['SERVER', 'f', ours[0]?.spanContext().spanId, 'v=1'],
  ]);
  expect(tracing.tree).toEqual([
    'internal program',
    'internal other',
    '  client f',
    '    server f',
  ]);
});

it('a call that is not sampled is made all the same, and says so to who serves it', async () => {
  const server = await serve({ f: () => 'done' }, { port: 0, observe });
  onTestFinished(() => server.close());
  await using remote = await dial(server.endpoints[0] ?? '', { observe });
  const traceparent = `00-${'b'.repeat(32)}-${'c'.repeat(16)}-00`;
  expect(await options(remote, { traceparent }).f()).toBe('done');
  expect(await remote.f()).toBe('done');
  await tracing.ended(2);
  expect(tracing.tree).toEqual(['client f', '  server f']);
});

it('the example of the docs prints one trace', async () => {
  const docs = await readFile(join(import.meta.dirname, '../docs/observability.md'), 'utf8');
  const [, example = ''] = /^```js\n(\/\/ traced\.mjs[\s\S]*?)^```$/m.exec(docs) ?? [];
  // Others on this machine may have the same names.
  const own = crypto.randomUUID().slice(0, 8);
  const folder = mkdtempSync(join(tmpdir(), 'dservice-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'traced.mjs');
  await build({
    stdin: {
      contents: example.replaceAll(/'(shop|stock)@/g, `'$1-${own}@`),
      resolveDir: import.meta.dirname,
    },
    outfile: file,
    bundle: true,
    platform: 'node',
    format: 'esm',
    alias: {
      'dservice/opentelemetry': join(import.meta.dirname, '../src/service/opentelemetry.ts'),
      dservice: join(import.meta.dirname, 'index.ts'),
    },
    // What it is bundled with is CommonJS in part.
    banner: {
      js: `import { createRequire as requireOf } from 'node:module'; const require = requireOf(import.meta.url);`,
    },
    logLevel: 'error',
  });
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [file]);
  expect(stderr).toBe('');
  expect(stdout).toContain('a-1 taken\n');
  expect(stdout).toContain('bought\n');
  const all = (key: string): string[] =>
    [...stdout.matchAll(new RegExp(`^  ${key}: ['"]?([^'",]+)`, 'gm'))].map(
      ([, value = '']) => value,
    );
  expect(new Set(all('traceId')).size).toBe(1);
  const names = all('name').map((name) => name.replace(`-${own}`, ''));
  const spans = names.map((name, i) => `${name} ${api.SpanKind[Number(all('kind')[i])]}`);
  expect(spans.sort()).toEqual([
    'callback CLIENT',
    'callback SERVER',
    'shop/buy CLIENT',
    'shop/buy SERVER',
    'stock/take CLIENT',
    'stock/take SERVER',
  ]);
});
