import { AsyncLocalStorage } from 'node:async_hooks';
import { channel, subscribe, unsubscribe } from 'node:diagnostics_channel';
import { expect, it, onTestFinished } from 'vitest';
import { options } from '../src/protocol/options.js';
import type { ObservedEvents } from '../src/service/observer.js';
import { Children } from './fixtures/children.js';
import { meetingPlace } from './fixtures/local.js';
import { dial, serve } from './index.js';

/** What is published of an event, until the test ends. */
function published<K extends keyof ObservedEvents>(name: K): ObservedEvents[K][] {
  const events: ObservedEvents[K][] = [];
  const listener = (event: unknown): void => void events.push(event as ObservedEvents[K]);
  subscribe(`dservice:${name}`, listener);
  onTestFinished(() => void unsubscribe(`dservice:${name}`, listener));
  return events;
}

/** Waits for something that is told by an event. */
function told<K extends keyof ObservedEvents>(name: K): Promise<ObservedEvents[K]> {
  return new Promise((resolve) => {
    const listener = (event: unknown): void => {
      unsubscribe(`dservice:${name}`, listener);
      resolve(event as ObservedEvents[K]);
    };
    subscribe(`dservice:${name}`, listener);
  });
}

it('a call is told at its start and its end, on both sides', async () => {
  const starts = published('call:start');
  const ends = published('call:end');
  const serveStarts = published('serve:start');
  const serveEnds = published('serve:end');
  const { start, caller } = await meetingPlace();
  const { id } = await start('greeter@1.2.0', { text: { shout: (s: string) => s.toUpperCase() } });
  const remote = await caller().connect('greeter@^1');
  expect(await remote.text.shout('hi')).toBe('HI');
  expect(starts).toHaveLength(1);
  expect(ends[0]).toBe(starts[0]);
  expect(ends[0]).toMatchObject({
    service: 'greeter',
    method: 'text.shout',
    attempts: 1,
    error: undefined,
    attributes: {
      'rpc.system.name': 'dservice',
      'rpc.method': 'greeter/text.shout',
      'network.transport': 'tcp',
      'server.address': '127.0.0.1',
      'server.port': expect.any(Number),
      'dservice.service.name': 'greeter',
      'dservice.service.version': '1.2.0',
      'dservice.instance.id': id,
    },
  });
  expect(ends[0]?.duration).toBeGreaterThan(0);
  expect(serveEnds[0]).toBe(serveStarts[0]);
  expect(serveEnds[0]).toMatchObject({
    service: 'greeter',
    method: 'text.shout',
    attributes: { 'rpc.method': 'greeter/text.shout', 'client.address': '127.0.0.1' },
  });
  expect(serveEnds[0]?.duration).toBeGreaterThanOrEqual(0);
});

it('a call for which there is no instance is told too', async () => {
  const ends = published('call:end');
  const { start, caller } = await meetingPlace();
  const s = await start('s', { f: () => {} });
  const remote = await caller({ wait: 50 }).connect('s');
  await s.stop();
  await expect(remote.f()).rejects.toThrow('no instance');
  expect(ends).toMatchObject([
    { service: 's', attempts: 0, attributes: { 'error.type': 'ERR_NO_INSTANCE' } },
  ]);
});

it('a call that is made again tells why, and from where', async () => {
  const children = new Children();
  onTestFinished(() => children.close());
  const { port, caller } = await meetingPlace();
  const program = `
    const s = dservice('s@1.0.0', { pid: () => process.pid, work: () => {
      console.log('working');
      if (process.env.FROZEN) return new Promise(() => {});
      return process.pid;
    } }, { discovery: mdns({ reach: 'local', port: ${port} }) });
    s.start().then(() => console.log('id ' + s.id));
  `;
  const [first, second] = [children.start(program, { FROZEN: '1' }), children.start(program)];
  const id = (await first.line(/^id /)).slice(3);
  const other = (await second.line(/^id /)).slice(3);
  const ups = published('instance:up');
  const retries = published('call:retry');
  const ends = published('call:end');
  // The one that does not answer comes first, until it is gone.
  const service = caller({ pick: (all) => all.find(({ record }) => record.id === id) ?? all[0]! });
  const remote = await service.connect('s', { instance: other }).then(() => service.connect('s'));
  while (new Set(ups.map(({ record }) => record.id)).size < 2) await told('instance:up');
  const down = told('connection:close');
  const outcome = options(remote, { idempotent: true }).work();
  await first.line(/working/);
  first.process.kill('SIGKILL');
  expect(await outcome).toBe(second.process.pid);
  expect(retries).toMatchObject([
    {
      attributes: {
        'rpc.method': 's/work',
        'dservice.instance.id': id,
        'error.type': 'ERR_CONNECTION_LOST',
      },
      error: { code: 'ERR_CONNECTION_LOST', mayHaveRun: true },
    },
  ]);
  expect(ends).toMatchObject([
    { attempts: 2, error: undefined, attributes: { 'dservice.instance.id': other } },
  ]);
  expect(ends[0]?.attributes).not.toHaveProperty('error.type');
  expect(retries[0]?.call).toBe(ends[0]);
  expect((await down).attributes).toMatchObject({ 'dservice.instance.id': id });
});

it('instances and connections come and go', async () => {
  const order: string[] = [];
  const { start, caller } = await meetingPlace();
  const service = caller();
  const names = ['connection:open', 'connection:close', 'instance:up', 'instance:down'] as const;
  for (const name of names) {
    service.on(name, ({ attributes }) => {
      order.push(`${name} ${String(attributes['dservice.service.name'])}`);
    });
  }
  const s = await start('s', { f: () => {} });
  const remote = await service.connect('s');
  await remote.f();
  const opened = published('connection:close');
  await s.stop();
  await service.stop();
  expect(order).toEqual([
    'instance:up s',
    'connection:open s',
    'instance:down s',
    'connection:close s',
  ]);
  expect(opened.map(({ side }) => side).sort()).toEqual(['client', 'server']);
});

it('calls by JSON-RPC are calls as well, with the trace of their headers', async () => {
  const serveEnds = published('serve:end');
  const ends = published('call:end');
  const server = await serve({ fail: () => Promise.reject(new TypeError('no')) }, { port: 0 });
  onTestFinished(() => server.close());
  const url = (server.endpoints[0] ?? '').replace('tcp:', 'http:');
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
  await using remote = await dial(url);
  await expect(options(remote, { traceparent, tracestate: 'a=1' }).fail()).rejects.toThrow('no');
  expect(serveEnds).toMatchObject([
    {
      method: 'fail',
      trace: { traceparent, tracestate: 'a=1' },
      attributes: { 'rpc.method': 'fail', 'network.transport': 'http', 'error.type': 'TypeError' },
    },
  ]);
  expect(ends).toMatchObject([
    {
      attempts: 1,
      traceGiven: true,
      attributes: { 'server.address': '127.0.0.1', 'network.transport': 'http' },
      error: { message: 'no' },
    },
  ]);
});

it('a store that is bound to the start of a handler is there in the handler', async () => {
  const storage = new AsyncLocalStorage<string>();
  const start = channel('dservice:serve:start');
  start.bindStore(storage, (event) => `in ${(event as ObservedEvents['serve:start']).method}`);
  onTestFinished(() => void start.unbindStore(storage));
  const look = async (): Promise<string | undefined> => {
    await Promise.resolve();
    return storage.getStore();
  };
  const server = await serve({ look }, { port: 0 });
  onTestFinished(() => server.close());
  await using remote = await dial(server.endpoints[0] ?? '');
  expect(await remote.look()).toBe('in look');
  expect(storage.getStore()).toBeUndefined();
});
