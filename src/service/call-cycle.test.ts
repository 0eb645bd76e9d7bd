import { expect, test } from 'vitest';
import { contextOf } from '../protocol/context.js';
import { MemoryHost } from '../testing/memory-host.js';
import { makeDservice } from './dservice.js';
import type { Service } from './service.js';
import type { ServiceOptions } from './service-options.js';

const logger = { warn: () => {} };

/** Services on one machine, each with a way to each other. */
class World {
  readonly host = new MemoryHost();
  readonly dservice = makeDservice(this.host.runtime);
  /** Who served, in order. */
  readonly visits: string[] = [];
  readonly remotes = new Map<string, Record<string, (...args: unknown[]) => unknown>>();

  async serve(name: string, api: object, options: ServiceOptions = {}): Promise<Service<object>> {
    const service = this.dservice(name, api, { logger, ...options });
    await service.start();
    return service;
  }

  /** A service whose `go` calls that of the next one. */
  async link(name: string, next: string, options?: ServiceOptions): Promise<void> {
    const service = await this.serve(
      name,
      {
        go: (...args: unknown[]) => {
          this.visits.push(name);
          return this.remotes.get(name)!.go!(...args);
        },
      },
      options,
    );
    // Not awaited: the next one may come later.
    this.#connecting.push(
      service.connect(next).then((remote) => void this.remotes.set(name, remote as never)),
    );
  }
  readonly #connecting: Promise<void>[] = [];

  async connect(name: string) {
    await Promise.all(this.#connecting);
    return await this.dservice({ logger }).connect(name);
  }
}

test('two services that call each other without end are stopped, and told how', async () => {
  const world = new World();
  await world.link('a', 'b');
  await world.link('b', 'a');
  const remote = await world.connect('a');
  await expect(remote.go()).rejects.toMatchObject({
    code: 'ERR_CALL_CYCLE',
    message: 'a call came back to a more than 8 times: a → b → a',
  });
  expect(world.visits).toHaveLength(18);
  expect(world.host.clock.pending).toBeLessThan(20);
});

test('three, with a limit of their own: the first that is reached stops it', async () => {
  const world = new World();
  await world.link('a', 'b');
  await world.link('b', 'c', { maxVisits: 2 });
  await world.link('c', 'a');
  const remote = await world.connect('a');
  await expect(remote.go()).rejects.toMatchObject({
    code: 'ERR_CALL_CYCLE',
    message: 'a call came back to b more than 2 times: b → c → a → b',
    // The call to `a` did run: it was a later one that did not.
    mayHaveRun: true,
  });
  expect(world.visits.join('')).toBe('abcabcabca');
});

test('a service that calls itself', async () => {
  const world = new World();
  await world.link('a', 'a', { maxVisits: 0 });
  const remote = await world.connect('a');
  await expect(remote.go()).rejects.toMatchObject({ message: expect.stringMatching(/a → a$/) });
  expect(world.visits).toEqual(['a']);
});

test('calls one after the other are no chain, and neither are two at once', async () => {
  const world = new World();
  const remotes: Record<string, () => Promise<unknown>>[] = [];
  await world.serve('b', { leaf: () => world.visits.push('b') });
  const a = await world.serve(
    'a',
    { many: () => Promise.all(Array.from({ length: 50 }, () => remotes[0]!.leaf!())) },
    { maxVisits: 0 },
  );
  remotes.push(await a.connect('b'));
  const remote = await world.connect('a');
  await remote.many();
  await remote.many();
  expect(world.visits).toHaveLength(100);
});

test('a callback is no visit, however often it is called within a chain', async () => {
  const world = new World();
  const { scope } = world.host.runtime;
  const seen: unknown[] = [];
  const look = (): void => void seen.push(contextOf(scope).passed);
  const to: Record<string, Record<string, (...args: unknown[]) => unknown>> = {};
  await world.serve('c', { look }, { maxVisits: 0 });
  const b = await world.serve('b', { each: (fn: () => unknown) => Promise.all([fn(), fn()]) });
  const a = await world.serve(
    'a',
    {
      walk: () =>
        to.b!.each!(() => {
          look();
          return to.c!.look!();
        }),
    },
    { maxVisits: 0 },
  );
  to.b = (await a.connect('b')) as never;
  to.c = (await a.connect('c')) as never;
  void b;
  const remote = await world.connect('a');
  await remote.walk();
  expect(seen).toEqual([
    ['a', 'b'],
    ['a', 'b'],
    ['a', 'b', 'c'],
    ['a', 'b', 'c'],
  ]);
});
