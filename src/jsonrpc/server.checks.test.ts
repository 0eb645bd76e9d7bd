import { expect, test } from 'vitest';
import * as z from 'zod';
import { defaultLimits } from '../limits.js';
import type { CallRequest } from '../protocol/authorize.js';
import { contextOf, syncScope } from '../protocol/context.js';
import { Exposed } from '../protocol/exposed.js';
import { interceptorsOf } from '../protocol/intercept.js';
import { method } from '../protocol/method.js';
import type { EngineHost, Exchange } from '../service/engine.js';
import { turns } from '../testing/recorder.js';
import { VirtualClock } from '../testing/virtual-clock.js';
import { JsonRpcServer } from './server.js';

const scope = syncScope();

function make(api: object, given: Partial<EngineHost> = {}) {
  const clock = new VirtualClock();
  const lines: string[] = [];
  const logger = { warn: (line: string) => void lines.push(line) };
  const server = new JsonRpcServer(api, { clock, scope, limits: defaultLimits, logger, ...given });
  const call = (
    name: string,
    params: unknown = [],
    { notify = false, ...headers }: Record<string, unknown> = {},
  ) => {
    const told: (() => void)[] = [];
    const id = notify ? undefined : 1;
    const exchange: Exchange = {
      ...{ method: 'POST', url: '/', peer: { transport: 'http' } },
      header: (key) => headers[key] as string | undefined,
      text: () => Promise.resolve(JSON.stringify({ jsonrpc: '2.0', id, method: name, params })),
      onGone: (listener) => void told.push(listener),
    };
    const answer = server.answer(exchange)!.then((it) => {
      const text = it?.body?.[1];
      return text === undefined ? undefined : (JSON.parse(text) as Record<string, unknown>);
    });
    const leave = (): void => {
      for (const listener of told) listener();
    };
    return Object.assign(answer, { leave });
  };
  return { server, call, clock, lines };
}

class Cart extends Exposed {
  add(sku: string): string {
    return sku;
  }
}
method({ args: [z.string().max(3)] }, Cart.prototype.add);

const checked = {
  ask: method({ args: [z.string(), z.number().default(7)], params: ['text', 'n'] }, (text, n) => [
    text,
    n,
  ]),
  size: method({ result: z.string().transform((text) => text.length) }, (value: string) => value),
  slow: method({ args: [z.string().refine((text) => Promise.resolve(text !== 'b'))] }, (text) => [
    text,
    contextOf(scope).peer.transport,
  ]),
  // oxlint-disable-next-line func-names
  back: method({ args: [z.string().optional()], result: z.string() }, function (text, cb) {
    cb(text as string);
  }),
  cart: new Cart(),
};

test('arguments that are not valid are -32602, with the issues', async () => {
  const { call } = make(checked);
  expect(await call('ask', ['a'])).toMatchObject({ result: ['a', 7] });
  expect(await call('ask', { n: 5, text: 'a' })).toMatchObject({ result: ['a', 5] });
  expect(await call('ask', ['a', { b: 1 }])).toMatchObject({
    error: {
      code: -32_602,
      data: { code: 'ERR_VALIDATION', mayHaveRun: false, issues: [{ path: [1] }] },
    },
  });
  expect(await call('ask', ['a', 1, 2])).toMatchObject({ error: { code: -32_602 } });
  expect(await call('cart.add', ['abc'])).toMatchObject({ result: 'abc' });
  expect(await call('cart.add', ['abcd'])).toMatchObject({ error: { code: -32_602 } });
  // In the context of its call, also where that has to be found again.
  expect(await call('slow', ['a'])).toMatchObject({ result: ['a', 'http'] });
  expect(await call('slow', ['b'])).toMatchObject({ error: { code: -32_602 } });
});

test('an outcome that is not valid is -32603, told to nobody but who serves', async () => {
  const { call, lines } = make(checked);
  expect(await call('size', ['four'])).toMatchObject({ result: 4 });
  expect(await call('back', ['x'])).toMatchObject({ result: 'x' });
  const answers = [await call('size', [41_414]), await call('back', [])];
  for (const answer of answers) {
    const data = { code: 'ERR_VALIDATION', mayHaveRun: true };
    expect(answer).toMatchObject({ error: { code: -32_603, data } });
    expect(JSON.stringify(answer)).not.toMatch(/41414|issues/);
  }
  expect(lines).toHaveLength(2);
  expect(lines[0]).toContain('the fault of the service: Invalid');
});

test('each call is asked for, and refused with ERR_FORBIDDEN', async () => {
  const asked: CallRequest[] = [];
  const authorize = (call: CallRequest): Promise<boolean> => {
    asked.push(call);
    if (call.args[0] === 'throws') throw new Error('the secret');
    return Promise.resolve(call.args[0] === 'may');
  };
  const service = { id: 'x', name: 'shop', version: '1.0.0' };
  const { call, lines } = make({ admin: { stop: (word: string) => word } }, { authorize, service });
  expect(await call('admin.stop', ['may'])).toMatchObject({ result: 'may' });
  expect(asked[0]).toMatchObject({
    ...{ service: 'shop', method: 'admin.stop', name: 'admin.stop', args: ['may'] },
    peer: { transport: 'http' },
  });
  for (const word of ['not', 'throws']) {
    const answer = await call('admin.stop', [word]);
    const data = { code: 'ERR_FORBIDDEN', mayHaveRun: false };
    expect(answer).toMatchObject({ error: { code: -32_000, data } });
    expect(JSON.stringify(answer)).not.toContain('secret');
  }
  expect(await call('admin.stop', ['not'], { notify: true })).toBeUndefined();
  expect(lines).toEqual([]);
  for (const name of ['constructor', '__proto__', 'admin.toString', 'rpc.x']) {
    expect(await call(name)).toMatchObject({ error: { code: -32_601 } });
  }
  expect(asked).toHaveLength(4);
});

test('what is not allowed yet never runs once its caller is gone, its time is over or the service ends', async () => {
  const ran: unknown[] = [];
  const allow: ((answer: boolean) => void)[] = [];
  const authorize = () => new Promise<boolean>((resolve) => allow.push(resolve));
  const { server, call, clock } = make({ say: (word: string) => ran.push(word) }, { authorize });
  const gone = call('say', ['gone']);
  const late = call('say', ['late'], { 'x-dservice-deadline': '100' });
  const ended = call('say', ['ended']);
  await turns(2);
  expect(allow).toHaveLength(3);
  let drained = false;
  const drain = server.drain(10_000).then(() => (drained = true));
  gone.leave();
  await clock.advance(101);
  expect(await gone).toBeUndefined();
  expect(await late).toMatchObject({ error: { data: { code: 'ERR_DEADLINE' } } });
  expect(drained).toBe(false);
  server.close();
  expect(await ended).toBeUndefined();
  await drain;
  for (const resolve of allow) resolve(true);
  await turns(2);
  expect(ran).toEqual([]);
});

test('interceptors stand around calls, within schemas and without', async () => {
  const seen: unknown[] = [];
  const intercept = interceptorsOf(scope, {
    serve: async (call, next) => {
      seen.push([call.method, call.args, contextOf(scope).peer.transport]);
      if (call.args[0] === 'no') throw new TypeError('not that');
      return [await next({ args: call.args.map((it) => (it === 1 ? 'one' : it)) })];
    },
  });
  const authorize = ({ method: name }: CallRequest): boolean => name !== 'secret';
  const api = { say: (text: unknown) => text, cart: new Cart(), secret: () => 1 };
  const { call } = make(api, { intercept, authorize });
  expect(await call('say', [1])).toMatchObject({ result: ['one'] });
  expect(await call('say', ['no'])).toMatchObject({ error: { code: -32000, message: 'not that' } });
  expect(await call('cart.add', ['long sku'])).toMatchObject({ error: { code: -32602 } });
  expect(await call('secret')).toMatchObject({ error: { data: { code: 'ERR_FORBIDDEN' } } });
  expect(seen).toEqual([
    ['say', [1], 'http'],
    ['say', ['no'], 'http'],
    ['cart.add', ['long sku'], 'http'],
  ]);
});
