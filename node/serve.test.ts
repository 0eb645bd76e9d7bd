import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import dservice, { dial, options, serve, sessionOf, staticDiscovery } from './index.js';

const api = { shout: (text: string): string => text.toUpperCase() };
const logger = { warn: () => {} };

describe('options', () => {
  test.each<[string, unknown, string]>([
    ['an endpoint', 'tcp://127.0.0.1:7000', 'the options of serve are an object'],
    ['nothing', undefined, 'the options of serve are an object'],
    ['null', null, 'the options of serve are an object'],
    ['one that is none', { prot: 7000 }, '"prot" is no option of serve'],
    ['a port that is none', { port: 99_999 }, '`port` is a port'],
    ['a deadline that is none', { port: 0, deadline: 'x' }, '`deadline` is a positive number'],
    ['a limit that is none', { port: 0, limits: { toString: 5 } }, '`limits` is an object'],
    ['TLS that is none', { port: 0, tls: 5 }, '`tls` is an object'],
    ['onSession that is none', { port: 0, onSession: 5 }, '`onSession` is a function'],
  ])('serve refuses %s', async (_name, at, says) => {
    // What a program without types may pass.
    const refused = serve(api, at as { port: number });
    await expect(refused).rejects.toMatchObject({
      code: 'ERR_OPTION',
      message: expect.stringContaining(says) as unknown,
    });
  });

  test.each<[unknown, string]>([
    [{ foo: 1 }, '"foo" is no option of dial'],
    [{ deadline: 'x' }, '`deadline` is a positive number'],
    [{ timeout: Number.NaN }, '`timeout` is a positive number'],
    [{ signal: {} }, '`signal` is an AbortSignal'],
    [{ auth: 5n }, '`auth` is something that JSON can hold'],
    [null, 'the options of dial are an object'],
  ])('dial refuses %o', async (given, says) => {
    await expect(dial('tcp://127.0.0.1:1', given as object)).rejects.toMatchObject({
      code: 'ERR_OPTION',
      message: expect.stringContaining(says) as unknown,
    });
  });

  test('dnodeFor wants a function, at the call', () => {
    const caller = dservice({ discovery: staticDiscovery({ instances: [] }) });
    expect(() => caller.dnodeFor('x', undefined as never)).toThrow(/dnodeFor takes a function/);
  });

  test('a picker that returns something else is told so', async () => {
    const server = await serve(api, { port: 0 });
    onTestFinished(() => server.close());
    const instances = [{ name: 'picked', endpoints: server.endpoints }];
    const caller = dservice({
      discovery: staticDiscovery({ instances }),
      pick: (() => 5) as never,
    });
    onTestFinished(() => caller.stop());
    await expect(caller.connect('picked')).rejects.toMatchObject({ code: 'ERR_OPTION' });
  });

  test('a path that the system would cut off is refused, and nothing is left', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'dservice-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const path = join(folder, 'x'.repeat(200));
    await expect(serve(api, { port: false, path })).rejects.toMatchObject({ code: 'ERR_LISTEN' });
  });
});

test('an api that no peer could be sent is refused at once', async () => {
  const unsendable = { ...api, later: Promise.resolve(1) };
  await expect(serve(unsendable, { port: 0 })).rejects.toMatchObject({ code: 'ERR_API' });
  const service = dservice('unsendable', unsendable, {
    logger,
    discovery: staticDiscovery({ instances: [] }),
  });
  await expect(service.start()).rejects.toMatchObject({
    code: 'ERR_API',
    message: expect.stringContaining('await the promise first') as unknown,
  });
});

test('onSession that throws costs nobody anything', async () => {
  const warned: string[] = [];
  const server = await serve(api, {
    port: 0,
    logger: { warn: (text) => warned.push(text) },
    onSession() {
      throw new Error('not now');
    },
  });
  onTestFinished(() => server.close());
  const remote = await dial<typeof api>(server.endpoints[0] ?? '');
  expect(await remote.shout('hello')).toBe('HELLO');
  expect(warned).toEqual(['dservice: onSession failed: not now']);
  sessionOf(remote).close();
});

test('over a port that is there already', async () => {
  const { port1, port2 } = new MessageChannel();
  const server = await serve(api, port1, { logger });
  const remote = await dial<typeof api>(port2);
  expect(await options(remote, { deadline: 5_000 }).shout('hello')).toBe('HELLO');
  sessionOf(remote).close();
  await server.close();
});
