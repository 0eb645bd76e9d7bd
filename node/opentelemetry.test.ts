import { expect, it, onTestFinished } from 'vitest';
import { otel } from '../src/service/opentelemetry.js';
import { options } from '../src/protocol/options.js';
import { dial, serve } from './index.js';
import { FakeOpenTelemetry } from './fixtures/otel.js';
import { meetingPlace } from './fixtures/local.js';

type Callback = (value: number) => unknown;

it('spans of three services and their callbacks are one trace, each below what caused it', async () => {
  const api = new FakeOpenTelemetry();
  const observe = otel(api);
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
  await api.within('program', () =>
    remote.middle(1, async (y: number) => {
      await Promise.resolve();
      await api.within('in the callback', () => Promise.resolve(got.push(y)));
    }),
  );
  expect(got).toEqual([3]);
  expect(api.tree).toEqual([
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
  expect(new Set(api.spans.map(({ trace }) => trace)).size).toBe(1);
  const calls = api.spans.filter(({ kind }) => kind !== 'internal');
  expect(calls.map(({ ended, status }) => ({ ended, status }))).toEqual(
    calls.map(() => ({ ended: 1, status: undefined })),
  );
});

it('what failed is told on both spans, with its kind', async () => {
  const api = new FakeOpenTelemetry();
  const { start, caller } = await meetingPlace();
  const observe = otel(api);
  const fails = (): never => {
    throw new RangeError('too far');
  };
  const { id } = await start('s@1.0.0', { fails }, { observe });
  const remote = await caller({ observe }).connect('s');
  await expect(remote.fails()).rejects.toThrow('too far');
  const [client, server] = api.spans;
  expect(client).toMatchObject({
    kind: 'client',
    status: { code: 2, message: 'too far' },
    attributes: {
      'rpc.system.name': 'dservice',
      'rpc.method': 's/fails',
      'server.address': '127.0.0.1',
      'dservice.instance.id': id,
      'error.type': 'RangeError',
    },
  });
  expect(server).toMatchObject({
    kind: 'server',
    status: { code: 2 },
    exception: { message: 'too far' },
    attributes: { 'client.address': '127.0.0.1', 'error.type': 'RangeError' },
  });
});

it('a trace that the caller names goes before the active span; state goes along', async () => {
  const api = new FakeOpenTelemetry();
  const observe = otel(api);
  const server = await serve({ f: () => {} }, { port: 0, observe });
  onTestFinished(() => server.close());
  await using remote = await dial(server.endpoints[0] ?? '', { observe });
  const trace = 'b'.repeat(32);
  const named = { traceparent: `00-${trace}-${'c'.repeat(16)}-01`, tracestate: 'v=1' };
  await api.within('program', () => options(remote, named).f());
  await api.within('other', () => options(remote, { traceparent: 'nonsense' }).f());
  expect(api.spans.filter(({ trace: own }) => own === trace)).toMatchObject([
    { kind: 'client', name: 'f', parent: 'c'.repeat(16), state: 'v=1' },
    { kind: 'server', name: 'f', state: 'v=1' },
  ]);
  expect(api.tree).toEqual(['internal program', 'internal other', '  client f', '    server f']);
});
