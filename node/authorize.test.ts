import { expect, onTestFinished, test } from 'vitest';
import * as z from 'zod';
import dservice, {
  type CallRequest,
  context,
  dial,
  method,
  serve,
  staticDiscovery,
} from './index.js';

const logger = { warn: () => {} };

const api = {
  shout: method({ args: [z.string()], result: z.string() }, async (text) => {
    await Promise.resolve();
    return `${text.toUpperCase()} ${String(context().peer.identity)}`;
  }),
  admin: { stop: () => 'stopped' },
  // Calls what it is given, by a name that stands for no method.
  back: (fn: (word: string) => Promise<string>) => fn('hi'),
};

const authenticate = (auth: unknown) => auth ?? 'guest';
/** Asks somebody else for all but what everybody may do. */
const authorize = ({ method: path, peer }: CallRequest) =>
  path?.startsWith('admin.') === true ? Promise.resolve(peer.identity === 'root') : true;

test('over TCP and HTTP: schemas, and who may call what', async () => {
  const server = await serve(api, { port: 0, logger, authenticate, authorize });
  onTestFinished(() => server.close());
  const endpoint = server.endpoints.find((each) => each.startsWith('tcp:'))!;
  const guest = await dial<typeof api>(endpoint, {
    authorize: ({ args }) => args[0] !== 'hi',
  });
  const root = await dial<typeof api>(endpoint, { auth: 'root' });
  onTestFinished(() => guest[Symbol.dispose]());
  onTestFinished(() => root[Symbol.dispose]());

  expect(await guest.shout('hi')).toBe('HI guest');
  await expect(guest.shout(5 as never)).rejects.toMatchObject({
    ...{ code: 'ERR_VALIDATION', mayHaveRun: false, method: 'shout', issues: [{ path: [0] }] },
  });
  await expect(guest.admin.stop()).rejects.toMatchObject({
    ...{ code: 'ERR_FORBIDDEN', mayHaveRun: false, method: 'admin.stop' },
  });
  expect(await root.admin.stop()).toBe('stopped');
  // Who dials is asked for what comes back.
  await expect(guest.back((word) => Promise.resolve(word))).rejects.toMatchObject({
    code: 'ERR_FORBIDDEN',
  });
  expect(await root.back((word) => Promise.resolve(word))).toBe('hi');

  const post = async (name: string, params: unknown[]) => {
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: name, params });
    const headers = { 'content-type': 'application/json' };
    const answer = await fetch(endpoint.replace('tcp:', 'http:'), {
      method: 'POST',
      headers,
      body,
    });
    return answer.json();
  };
  expect(await post('shout', ['hi'])).toMatchObject({ result: 'HI guest' });
  expect(await post('shout', [5])).toMatchObject({
    error: { code: -32_602, data: { issues: [{ path: [0] }] } },
  });
  expect(await post('admin.stop', [])).toMatchObject({
    error: { code: -32_000, data: { code: 'ERR_FORBIDDEN' } },
  });
});

test('a service: what it is asked for, and what its callers see', async () => {
  const asked: CallRequest[] = [];
  const shop = dservice('shop@1.0.0', api, {
    ...{ port: 0, logger, manifest: false, discovery: staticDiscovery({ instances: [] }) },
    authorize: (call) => {
      asked.push(call);
      return call.method !== 'admin.stop';
    },
  });
  onTestFinished(() => shop.stop(0));
  await shop.start();
  const discovery = staticDiscovery({
    instances: [{ name: 'shop', version: '1.0.0', endpoints: shop.endpoints }],
  });
  const caller = dservice({ discovery, logger });
  onTestFinished(() => caller.stop(0));
  const remote = await caller.connect<typeof api>('shop');
  expect(await remote.shout('hi')).toBe('HI undefined');
  await expect(remote.admin.stop()).rejects.toMatchObject({
    ...{ code: 'ERR_FORBIDDEN', mayHaveRun: false },
  });
  await expect(remote.shout(5 as never)).rejects.toMatchObject({ code: 'ERR_VALIDATION' });
  expect(await remote.back((word) => Promise.resolve(word))).toBe('hi');
  expect(asked.map((call) => [call.service, call.method])).toEqual([
    ['shop', 'shout'],
    ['shop', 'admin.stop'],
    ['shop', 'shout'],
    ['shop', 'back'],
  ]);
});
