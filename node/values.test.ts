import { runInNewContext } from 'node:vm';
import { MessageChannel } from 'node:worker_threads';
import { afterAll, describe, expect, test } from 'vitest';
import { type Trip, valueTrips } from '../src/testing/fixtures/value-trips.js';
import { dial, serve } from './index.js';

const opened: (() => unknown)[] = [];
afterAll(() => Promise.all(opened.map((close) => close())));

type Remote = Record<string, (...args: unknown[]) => Promise<unknown>> & Disposable;

async function reach(api: object, way: 'tcp' | 'ws' | 'port'): Promise<Remote> {
  const { port1, port2 } = new MessageChannel();
  const server = await (way === 'port' ? serve(api, port1) : serve(api, { port: 0 }));
  const [endpoint = ''] = server.endpoints;
  const at = way === 'ws' ? endpoint.replace(/^tcp/, 'ws') : endpoint;
  const remote: Remote = await dial(way === 'port' ? port2 : at);
  opened.push(
    () => remote[Symbol.dispose](),
    () => server.close(),
  );
  return remote;
}

const trip = (remote: Remote): Trip => ({
  call: (method, ...args) => remote[method]?.(...args) ?? Promise.reject(new Error(method)),
});

for (const [name, way] of [
  ['TCP', 'tcp'],
  ['a WebSocket', 'ws'],
  ['a MessagePort', 'port'],
] as const) {
  describe(`over ${name}`, () => valueTrips(async (api) => trip(await reach(api, way))));
}

describe('values that only Node has', () => {
  const echo = async (value: unknown): Promise<unknown> => {
    const remote = await reach({ echo: (it: unknown) => it }, 'tcp');
    return remote.echo?.(value);
  };

  test('a Buffer arrives as the Uint8Array that it is', async () => {
    expect(await echo(Buffer.from('bytes'))).toStrictEqual(new TextEncoder().encode('bytes'));
  });

  test('memory that is shared arrives as a copy', async () => {
    const shared = new Uint8Array(new SharedArrayBuffer(4)).fill(7);
    expect(await echo(shared)).toStrictEqual(Uint8Array.of(7, 7, 7, 7));
  });

  test('values of another realm arrive as those of this one', async () => {
    const code = `({
      date: new Date(5), map: new Map([[1, new Set([2])]]), regexp: /a/g, url: null, boxed: Object(3n),
      error: new RangeError('far', { cause: new AggregateError([1], 'all') }),
      list: [1], object: { a: 1 }, view: new Uint16Array([1, 2]), data: new DataView(new ArrayBuffer(2)),
      buffer: new ArrayBuffer(3),
    })`;
    const cause = new AggregateError([1], 'all');
    expect(await echo(runInNewContext(code))).toStrictEqual({
      ...{ date: new Date(5), map: new Map([[1, new Set([2])]]), regexp: /a/g, url: null },
      ...{ boxed: 3n, error: new RangeError('far', { cause }), list: [1], object: { a: 1 } },
      ...{ view: Uint16Array.of(1, 2), data: new DataView(new ArrayBuffer(2)) },
      buffer: new ArrayBuffer(3),
    });
  });
});
