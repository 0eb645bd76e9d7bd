import { expect, test } from 'vitest';
import type { Channel } from '../channel/channel.js';
import { memoryPair } from '../channel/memory.js';
import { method } from '../protocol/method.js';
import { options } from '../protocol/options.js';
import { MemoryHost } from '../testing/memory-host.js';
import { Peer, methodsOf } from '../testing/fixtures/peer.js';
import { describe } from './describe.js';
import { makeDial } from './dial.js';
import { makeDservice } from './dservice.js';
import { health } from './health.js';
import { makeServe } from './serve.js';
import type { ServiceConnection } from './caller.js';

const logger = { warn: () => {} };
const api = {
  shout: (text: string) => text.toUpperCase(),
  describe: () => 'my own',
  session: 'data',
  admin: { stop: method({ summary: 'Stops it.', idempotent: true }, (code = 0) => code) },
  max: Math.max,
};
const methods = [
  { name: 'shout', params: ['text'] },
  { name: 'describe', params: [] },
  { name: 'admin.stop', params: ['code?'], idempotent: true, summary: 'Stops it.' },
  { name: 'max' },
];

async function serving() {
  const host = new MemoryHost();
  const dservice = makeDservice(host.runtime);
  const service = dservice('a@1.2.0', api, { logger });
  await service.start();
  const caller = dservice({ logger });
  return { host, dservice, service, caller };
}

test('a service, by its remote, by a view of it, by the connection and by the session', async () => {
  const { service, caller } = await serving();
  const said = { name: 'a', version: '1.2.0', instance: service.id, methods };
  const remote = await caller.connect('a');
  expect(await describe(remote)).toEqual(said);
  expect(await describe(options(remote, { deadline: 5 }))).toEqual(said);
  expect(await remote.describe()).toBe('my own');
  const d = await new Promise<ServiceConnection>((resolve, reject) =>
    caller.dnodeFor('a', (error, _, found) => (found ? resolve(found) : reject(error))),
  );
  expect(await describe(d)).toEqual(said);
  expect(await describe(d.session)).toEqual(said);
});

test('a service of which nobody is connected any more is looked for', async () => {
  const { host, service, caller, dservice } = await serving();
  const remote = await caller.connect('a', { wait: 100 });
  await service.stop();
  const nobody = describe(remote);
  nobody.catch(() => {});
  await host.clock.advance(200);
  await expect(nobody).rejects.toMatchObject({ code: 'ERR_NO_INSTANCE' });
  const other = dservice('a@1.3.0', { other: () => 1 }, { logger });
  await other.start();
  expect(await describe(remote)).toMatchObject({ version: '1.3.0', methods: [{ name: 'other' }] });
  remote[Symbol.dispose]();
  await expect(describe(remote)).rejects.toMatchObject({ code: 'ERR_RELEASED' });
});

test('what was dialled, which may be no service, and what is no remote at all', async () => {
  const { host } = await serving();
  const [ours, theirs] = memoryPair({ clock: host.clock });
  // The memory's host takes none by itself.
  const runtime = { ...host.runtime, adopt: (channel: unknown) => channel as Channel };
  await makeServe(runtime)(api, theirs, { logger });
  const remote = await makeDial(runtime)(ours, { logger });
  expect(await describe(remote)).toEqual({
    ...{ name: undefined, version: undefined, instance: undefined },
    methods,
  });
  expect(await health(remote)).toEqual({ status: 'up', checks: {} });
  for (const other of [{}, () => 1, new Date(), { session: 1 }]) {
    await expect(describe(other)).rejects.toMatchObject({ code: 'ERR_STATE' });
  }
});

test('a plain peer has names alone, and cannot be asked how it is', async () => {
  const them = new Peer({});
  const say = { ...methodsOf(null, [{ f: '[Function]' }]), callbacks: { 0: ['0', 'f'] } };
  await them.send(say);
  expect(await describe(them.session)).toEqual({
    ...{ name: undefined, version: undefined, instance: undefined },
    methods: [{ name: 'f' }],
  });
  expect(await health(them.session)).toBeUndefined();
});

test('a group that stands in more places than can be counted is described once', async () => {
  // As a peer may send it: 2^40 ways lead to one method.
  const peer = new Peer({});
  const group: Record<string, unknown> = {};
  const links: object[] = [];
  let at = group;
  const path: string[] = [];
  for (let depth = 0; depth < 40; depth++) {
    const next = {};
    Object.assign(at, { a: next, b: null });
    at = next;
    links.push({ from: ['0', ...path, 'a'], to: ['0', ...path, 'b'] });
    path.push('a');
  }
  Object.assign(at, { f: '[Function]' });
  await peer.send({
    ...methodsOf(null, [group]),
    ...{ callbacks: { 0: ['0', ...path, 'f'] }, links },
  });
  const { methods: found } = await describe(peer.session);
  expect(found).toEqual([{ name: `${path.join('.')}.f` }]);
});
