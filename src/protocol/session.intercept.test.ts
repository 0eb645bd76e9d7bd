import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { DserviceError } from '../errors.js';
import { codeOf, peer, sessionPair } from '../testing/fixtures/peer.js';
import { turns } from '../testing/recorder.js';
import { contextOf, syncScope } from './context.js';
import { type Intercept, interceptorsOf } from './intercept.js';
import { method } from './method.js';
import { options } from './options.js';

/** A remote in which anything is reached. */
// oxlint-disable-next-line no-explicit-any
type Loose = any;

const scope = syncScope();

const api = () => {
  const ran: unknown[] = [];
  return {
    ran,
    api: {
      say: (...words: unknown[]) => {
        ran.push(words);
        return words.join(' ');
      },
      user: () => ({ id: 7, name: () => 'ann', orders: () => [{ total: 1 }, { total: 2 }] }),
      fail: () => {
        throw new TypeError('no');
      },
      // A classic function takes its callback last.
      // oxlint-disable-next-line object-shorthand
      classic: function (text: string, cb: (value: string) => void) {
        cb(`${text}!`);
      },
      strict: method({ args: [z.string()], result: z.string() }, (text) => `${text}.`),
      wrong: method({ result: z.string() }, (): string => 5 as never),
      give: () => (text: string) => text.toUpperCase(),
      context: () => contextOf(scope).meta.key,
      each: (fn: (n: number) => number) => fn(2),
    },
  };
};

async function pair(near: Intercept = {}, far: Intercept = {}, more: object = {}) {
  const made = api();
  const { a, b, clock } = await sessionPair({
    a: { scope, intercept: interceptorsOf(scope, near, 'shop') },
    b: { api: made.api, scope, intercept: interceptorsOf(scope, far), ...more },
  });
  return { a, b, clock, ran: made.ran, remote: a.remote as Loose };
}

describe('calls that are made', () => {
  test('are seen with their service, arguments and options, and their outcomes pass', async () => {
    const seen: unknown[] = [];
    const { remote } = await pair({
      call: async ({ service, method: name, args, options: given }, next) => {
        const outcome = await next();
        seen.push([service, name, args, given, outcome]);
        return outcome;
      },
    });
    expect(await options(remote, { key: 'k' }).say('a', 'b')).toBe('a b');
    expect(await (await remote.give())('x')).toBe('X');
    expect(seen.filter((it) => (it as unknown[])[1] !== 'give')).toEqual([
      ['shop', 'say', ['a', 'b'], { key: 'k' }, 'a b'],
      ['shop', 'callback', ['x'], {}, 'X'],
    ]);
  });

  test('may have other arguments, options and outcomes, or none at all', async () => {
    const { remote, ran } = await pair({
      call: [
        async (call, next) => {
          if (call.method === 'cached') return 'from here';
          return `<${String(await next({ args: [...call.args, 'more'] }))}>`;
        },
        (_call, next) => next({ options: { key: 'mine' } }),
      ],
    });
    expect(await remote.say('a')).toBe('<a more>');
    expect(await options(remote, { key: 'yours' }).context()).toBe('<mine>');
    const cached = (call: Loose, next: Loose) => (call.method === 'say' ? { n: 4 } : next());
    const other = await pair({ call: cached });
    expect(await other.remote.say('a')).toEqual({ n: 4 });
    expect(await other.remote.say('a').n).toBe(4);
    expect([ran, other.ran]).toEqual([[['a', 'more']], []]);
  });

  test('may be made again, later, and be refused', async () => {
    let left = 2;
    const waits: (() => void)[] = [];
    const { remote } = await pair(
      {
        call: async (call, next) => {
          if (call.method === 'say') await new Promise<void>((go) => waits.push(go));
          if (call.method === 'classic') throw new DserviceError('ERR_STATE', 'not today');
          for (;;) {
            try {
              return await next();
            } catch (error) {
              if (left-- <= 0) throw error;
            }
          }
        },
      },
      {
        serve: ({ method: name }, next) => {
          if (name === 'user' && left > 0) throw new DserviceError('ERR_BUSY', 'not yet');
          return next();
        },
      },
    );
    const held = remote.say('a');
    await turns(3);
    // What is asked of an attempt that fails is asked of the next one.
    expect(await remote.user().name()).toBe('ann');
    expect(left).toBe(0);
    expect(await codeOf(remote.fail())).toBeInstanceOf(TypeError);
    expect(await codeOf(remote.classic('x'))).toBe('ERR_STATE');
    waits[0]?.();
    expect(await held).toBe('a');
  });

  test('stay one round trip with what stands on them, and each of these is a call', async () => {
    const seen: string[] = [];
    const { remote, a } = await pair({
      call: (call, next) => {
        seen.push(call.method);
        return next();
      },
    });
    const lines: number[] = [];
    const user = remote.user();
    const all = [
      user.id,
      user.name(),
      remote.say(user.id),
      user.orders().map((it: Loose) => it.total),
    ];
    lines.push(a.outstanding);
    expect(await Promise.all(all)).toEqual([7, 'ann', '7', [1, 2]]);
    // All had left before the first was answered.
    expect(lines).toEqual([6]);
    expect(seen).toEqual(['user', 'user().name', 'say', 'user().orders', 'user().orders().map']);
  });

  test('that stand on a call which waits, or is answered here, follow it', async () => {
    let go = (): void => {};
    const { remote } = await pair({
      call: async (call, next) => {
        if (call.method === 'user') await new Promise<void>((resolve) => (go = resolve));
        return call.method === 'give' ? { here: () => 'local' } : await next();
      },
    });
    const name = remote.user().name();
    const local = remote.give().here();
    await turns(2);
    go();
    expect(await name).toBe('ann');
    expect(await local).toBe('local');
  });

  test('of a `map` are one, and what is recorded is none', async () => {
    const seen: string[] = [];
    const { remote } = await pair({
      call: (call, next) => {
        seen.push(call.method);
        return next();
      },
    });
    const said = await remote
      .user()
      .orders()
      .map((it: Loose) => remote.say(it.total));
    expect(said).toEqual(['1', '2']);
    expect(seen).toEqual(['user', 'user().orders', 'user().orders().map']);
  });

  test('wrong options are refused, and nothing that is forgotten is left unhandled', async () => {
    const { remote } = await pair({
      call: (call, next) => {
        if (call.method === 'fail') void next();
        return next({ options: call.args[0] ?? {} });
      },
    });
    expect(await codeOf(remote.say({ nope: 1 }))).toBe('ERR_OPTION');
    void remote.fail();
    expect(await codeOf(remote.fail())).toBeInstanceOf(TypeError);
    await turns(4);
  });
});

describe('calls that are served', () => {
  test('are seen once they are authorized, in their context, and before schemas', async () => {
    const seen: unknown[] = [];
    const { remote } = await pair(
      {},
      {
        serve: async (call, next) => {
          const { key } = contextOf(scope).meta;
          const outcome = await next().catch((error: unknown) => {
            seen.push(DserviceError.is(error) && error.code);
            throw error;
          });
          seen.push([call.method, call.args, key, outcome]);
          return outcome;
        },
      },
      { authorize: ({ method: name }: { method?: string }) => name !== 'say' },
    );
    expect(await codeOf(remote.say('x'))).toBe('ERR_FORBIDDEN');
    expect(await options(remote, { key: 'k' }).strict('x')).toBe('x.');
    expect(await codeOf(remote.strict(5))).toBe('ERR_VALIDATION');
    expect(await codeOf(remote.wrong())).toBe('ERR_VALIDATION');
    expect(await options(remote, { key: 'k' }).context()).toBe('k');
    expect(seen).toEqual([
      ['strict', ['x'], 'k', 'x.'],
      'ERR_VALIDATION',
      'ERR_VALIDATION',
      ['context', [], 'k', 'k'],
    ]);
  });

  test('may have other arguments and outcomes, or be refused', async () => {
    const { remote, ran, b } = await pair(
      {},
      {
        serve: [
          async (call, next) => {
            if (call.method === 'say' && call.args[0] === 'no') {
              throw new DserviceError('ERR_FORBIDDEN', 'not that');
            }
            const outcome = await next();
            return call.method === 'say' ? `<${String(outcome)}>` : outcome;
          },
          (call, next) => next({ args: call.args.map((it) => (it === 1 ? 'one' : it)) }),
        ],
      },
    );
    expect(await remote.say(1, 2)).toBe('<one 2>');
    expect(await codeOf(remote.say('no'))).toBe('ERR_FORBIDDEN');
    expect(await remote.strict(1)).toBe('one.');
    expect(ran).toEqual([['one', 2]]);
    expect(b.tables.serving).toBe(0);
  });

  test('of both styles, also by functions that were handed over, pipelined and mapped', async () => {
    const seen: unknown[] = [];
    const { remote } = await pair(
      {},
      {
        serve: (call, next) => {
          seen.push(call.method ?? `(${call.name})`);
          return next();
        },
      },
    );
    expect(await remote.classic('a')).toBe('a!');
    expect(await new Promise((resolve) => remote.classic('b', resolve))).toBe('b!');
    expect(await new Promise((resolve) => remote.say('c', resolve))).toMatch(/^c /);
    expect(await (await remote.give())('x')).toBe('X');
    expect(await remote.user().name()).toBe('ann');
    await remote
      .user()
      .orders()
      .map((it: Loose) => remote.say(it.total));
    expect(await codeOf(remote.fail())).toBeInstanceOf(TypeError);
    expect(seen).toEqual([
      'classic',
      'classic',
      'say',
      'give',
      '(callback)',
      'user',
      '(name)',
      'user',
      '(orders)',
      'say',
      'say',
      'fail',
    ]);
  });

  test('of callbacks pass those of the caller', async () => {
    const seen: unknown[] = [];
    const { remote } = await pair({
      serve: async (call, next) => {
        seen.push(call.args);
        return Number(await next()) + 1;
      },
    });
    expect(await remote.each((n: number) => n * 2)).toBe(5);
    expect(seen).toEqual([[2]]);
  });

  test('a plain peer\u2019s pass as well, and what it sends cannot get round', async () => {
    const refused = { serve: () => Promise.reject(new DserviceError('ERR_FORBIDDEN', 'no')) };
    const made = api();
    const it = await peer({ api: made.api, intercept: interceptorsOf(scope, refused), scope });
    expect(await it.refused('say', ['x'])).toBe('ERR_FORBIDDEN');
    expect(await it.refused(it.idOf('0', 'say'), ['x'])).toBe('ERR_FORBIDDEN');
    await it.send({ method: 'say', arguments: ['x'] });
    await it.send({ method: 'user', arguments: [], reply: 90, keep: true });
    expect(await it.refused(['name'] as never, [], { on: 90 })).toBe('ERR_FORBIDDEN');
    const plain = await peer({
      ...{ api: made.api, intercept: interceptorsOf(scope, refused), scope, hello: null },
    });
    await plain.send({ method: 'say', arguments: ['x'], callbacks: {}, links: [] });
    expect(made.ran).toEqual([]);
    expect(plain.errors).toMatchObject([{ code: 'ERR_FORBIDDEN' }]);
  });

  test('the signal fires while an interceptor waits, and an answer too late is none', async () => {
    let aborted = false;
    const { remote, b } = await pair(
      {},
      {
        serve: async (_call, next) => {
          const { signal } = contextOf(scope);
          await new Promise<void>((resolve) => {
            signal.addEventListener('abort', () => {
              aborted = true;
              resolve();
            });
          });
          return await next();
        },
      },
    );
    const controller = new AbortController();
    const call = options(remote, { signal: controller.signal }).say('x');
    await turns(2);
    controller.abort();
    expect(await codeOf(call)).toBe('ERR_CANCELLED');
    await turns(4);
    expect(aborted).toBe(true);
    expect(b.tables.serving).toBe(0);
  });

  test('with a limited method: the place is kept until the outcome is there', async () => {
    let running = 0;
    let most = 0;
    const slow = method({ concurrency: 1 }, async () => {
      most = Math.max(most, ++running);
      await turns(1);
      running--;
    });
    const { a } = await sessionPair({
      b: {
        api: { slow },
        scope,
        intercept: interceptorsOf(scope, { serve: async (_call, next) => await next() }),
      },
    });
    await Promise.all([1, 2, 3].map(() => (a.remote as Loose).slow()));
    expect(most).toBe(1);
  });
});

test('an error that is caught and returned is a value, and a value that is thrown an error', async () => {
  const { remote } = await pair(
    {},
    {
      serve: async ({ name }, next) => {
        if (name === 'fail') return next().catch((error: unknown) => error);
        throw await next();
      },
    },
  );
  expect(await remote.fail()).toBeInstanceOf(TypeError);
  expect(await remote.say('no').catch((error: unknown) => ['thrown', error])).toEqual([
    'thrown',
    'no',
  ]);
});
