import { describe, expect, test } from 'vitest';
import { DserviceError } from '../errors.js';
import { turns } from '../testing/recorder.js';
import { codeOf, peer, sessionPair } from '../testing/fixtures/peer.js';
import type { Authorize, CallRequest } from './authorize.js';
import { contextOf, syncScope } from './context.js';
import { method } from './method.js';

/** An authorizer that writes down what it is asked, and says what it is told to. */
function asked(answer: Authorize = () => true) {
  const calls: CallRequest[] = [];
  const authorize: Authorize = (call) => {
    calls.push(call);
    return answer(call);
  };
  return { calls, authorize, names: () => calls.map((it) => [it.method, it.name]) };
}

/** A promise, and what settles it. */
function later<T>() {
  let resolve!: (value: T) => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}

/** `unclear`: what no TypeScript could answer. */
const hello = (unclear: (call: CallRequest) => unknown, more: object = {}) => {
  const ran: unknown[] = [];
  const say = (word: unknown): unknown => {
    ran.push(word);
    return word;
  };
  const authorize = unclear as Authorize;
  return { ran, options: { api: { say, admin: { stop: say } }, authorize, ...more } };
};

describe('what is asked', () => {
  test('methods, by name and by number, with their path and all that is known of the call', async () => {
    const { authorize, calls, names } = asked();
    const { options } = hello(authorize, { service: { id: 'x', name: 'shop', version: '1.0.0' } });
    const it = await peer(options);
    expect(await it.call('say', ['a'], { meta: { key: 'k' } })).toEqual([null, 'a']);
    expect(await it.call(it.idOf('0', 'admin', 'stop'), ['b'])).toEqual([null, 'b']);
    expect(names()).toEqual([
      ['say', 'say'],
      ['admin.stop', 'admin.stop'],
    ]);
    expect(calls[0]).toMatchObject({ service: 'shop', args: ['a'], meta: { key: 'k' } });
    expect(calls[0]?.session).toBe(it.session);
    expect(calls[0]?.peer).toBe(it.session.peer);
  });

  test('functions that were handed over, by both sides', async () => {
    const ours = asked();
    const theirs = asked();
    const { a, b } = await sessionPair({
      a: { api: { make: () => (n: number) => n + 1 }, authorize: ours.authorize },
      b: {
        api: { each: async (fn: (n: number) => unknown) => fn(1) },
        authorize: theirs.authorize,
      },
    });
    const made = (await b.call('make', [])) as (n: number) => Promise<number>;
    expect(await made(1)).toBe(2);
    expect(await a.call('each', [(n: number) => n * 5])).toBe(5);
    expect(ours.names()).toEqual([
      ['make', 'make'],
      [undefined, 'callback'],
      [undefined, 'callback'],
    ]);
    expect(theirs.names()).toEqual([['each', 'each']]);
  });

  test('listening to events, and no questions of the session itself', async () => {
    const { authorize, names } = asked(({ name }) => name !== 'on');
    const { options } = hello(authorize, { subscribe: () => 'listens' });
    const it = await peer(options);
    await it.send({ control: 'health', reply: 7 }, { control: 'on', arguments: ['x'], reply: 8 });
    expect(it.outcome(7)?.arguments).toMatchObject([null, { status: 'up' }]);
    expect(it.outcome(8)?.arguments).toMatchObject([{ code: 'ERR_FORBIDDEN' }]);
    expect(names()).toEqual([[undefined, 'on']]);
  });

  test('no names that no method has', async () => {
    const { authorize, calls } = asked();
    const { options } = hello(authorize);
    const it = await peer(options);
    for (const name of ['constructor', '__proto__', 'toString', 'hasOwnProperty', 'then']) {
      expect(await it.refused(name)).toBe('ERR_METHOD');
    }
    expect(calls).toEqual([]);
  });
});

describe('what is answered', () => {
  test('only true allows', async () => {
    for (const answer of [false, undefined, null, 0, 1, 'yes', {}, Promise.resolve('yes')]) {
      const { ran, options } = hello(() => answer);
      const it = await peer(options);
      expect(await it.call('say', ['a'])).toMatchObject([
        { code: 'ERR_FORBIDDEN', method: 'say', mayHaveRun: false },
      ]);
      expect(ran).toEqual([]);
      // What is no answer is a fault of whoever serves.
      const told = ['ERR_FORBIDDEN'];
      const errors = it.errors.map((error) => (error as DserviceError).code);
      expect([it.failed, errors]).toEqual(answer === false ? [told, []] : [[], told]);
    }
  });

  test('what is thrown stays here, unless it is an error of ours', async () => {
    const secret = new Error('the secret');
    for (const authorize of [
      () => {
        throw secret;
      },
      () => Promise.reject(secret),
    ]) {
      const it = await peer(hello(authorize).options);
      const [error] = (await it.call('say')) ?? [];
      expect(error).toMatchObject({ code: 'ERR_FORBIDDEN' });
      expect(JSON.stringify(it.got)).not.toContain('secret');
      expect(it.fails[0]?.cause).toBe(secret);
    }
    const told = await peer(
      hello(() => {
        throw new DserviceError('ERR_AUTH', 'the token has expired');
      }).options,
    );
    const [error] = (await told.call('say')) ?? [];
    expect(error).toMatchObject({ code: 'ERR_FORBIDDEN', cause: { code: 'ERR_AUTH' } });
  });
});

describe('what takes its time', () => {
  test('runs when it is allowed, in the context of its call, and is answered once', async () => {
    const { promise, resolve } = later<boolean>();
    const { ran, options } = hello(() => promise);
    const it = await peer(options);
    await it.send({ method: 'say', arguments: ['a'], reply: 1 });
    expect([ran, it.session.tables.serving, it.outcome(1)]).toEqual([[], 1, undefined]);
    resolve(true);
    await turns(2);
    expect([ran, it.session.tables.serving]).toEqual([['a'], 0]);
    expect(it.outcome(1)?.arguments).toEqual([null, 'a']);
  });

  test('what is allowed at once starts in the order in which it was sent', async () => {
    const { ran, options } = hello(({ args }) => (args[0] === 'b' ? Promise.resolve(true) : true));
    const it = await peer(options);
    await it.send(
      ...['a', 'b', 'c', 'd'].map((word, i) => ({ method: 'say', arguments: [word], reply: i })),
    );
    expect(ran).toEqual(['a', 'c', 'd', 'b']);
  });

  test('counts among the calls that run: for the limit, and for who leaves', async () => {
    const { promise, resolve } = later<boolean>();
    const { ran, options } = hello(() => promise, { limits: { calls: 2 } });
    const it = await peer(options);
    await it.send({ method: 'say', arguments: ['a'], reply: 1 }, { method: 'say', reply: 2 });
    expect(await it.refused('say')).toBe('ERR_BUSY');
    let drained = false;
    const drain = it.session.drain().then(() => (drained = true));
    await turns(2);
    expect(drained).toBe(false);
    resolve(true);
    await turns(2);
    await it.send({ control: 'bye' });
    await drain;
    expect(ran).toEqual(['a', undefined]);
  });

  test('never runs when its caller gives up, its deadline passes or the session ends', async () => {
    for (const end of ['cancel', 'deadline', 'close', 'refuse']) {
      const { promise, resolve, reject } = later<boolean>();
      const { ran, options } = hello(() => promise);
      const it = await peer(options);
      await it.send({ method: 'say', reply: 1, meta: { deadline: 500 } }, { method: 'say' });
      if (end === 'cancel') await it.send({ control: 'cancel', call: 1 });
      else if (end === 'deadline') await it.clock.advance(501);
      else it.session.close();
      if (end === 'cancel') {
        expect(it.outcome(1)?.arguments).toMatchObject([{ code: 'ERR_CANCELLED' }]);
        expect(it.session.tables.serving).toBe(1);
        it.session.close();
      } else if (end === 'deadline') {
        expect(it.outcome(1)?.arguments).toMatchObject([{ code: 'ERR_DEADLINE' }]);
        it.session.close();
      }
      expect(it.session.tables.serving).toBe(0);
      if (end === 'refuse') reject(new Error('late'));
      else resolve(true);
      await turns(2);
      expect(ran).toEqual([]);
    }
  });

  test('who decides sees by the signal that nobody waits any more, and may end the session', async () => {
    const aborted: boolean[] = [];
    const scope = syncScope();
    const authorize = () => {
      const { signal } = contextOf(scope);
      signal.addEventListener('abort', () => aborted.push(signal.aborted));
      return new Promise(() => {});
    };
    const it = await peer({ ...hello(authorize).options, scope });
    await it.send({ method: 'say', reply: 1 });
    await it.send({ control: 'cancel', call: 1 });
    expect(aborted).toEqual([true]);

    const { ran, options } = hello(({ session }) => {
      session.close();
      return true;
    });
    const other = await peer(options);
    await other.send({ method: 'say', reply: 1 });
    expect([ran, other.session.tables.serving]).toEqual([[], 0]);
  });
});

describe('where else it is asked', () => {
  test('what is refused takes no place at the gate of its method', async () => {
    const release: (() => void)[] = [];
    const slow = method(
      { concurrency: 1, queue: 1 },
      () => new Promise<void>((go) => release.push(go)),
    );
    const it = await peer({ api: { slow }, authorize: ({ args }) => args[0] === 'ours' });
    for (let i = 0; i < 5; i++) expect(await it.refused('slow', ['theirs'])).toBe('ERR_FORBIDDEN');
    await it.send({ method: 'slow', arguments: ['ours'], reply: 1 });
    await it.send({ method: 'slow', arguments: ['ours'], reply: 2 });
    // The one that is beyond is refused, also where it was allowed later.
    expect(await it.refused('slow', ['ours'])).toBe('ERR_BUSY');
    for (let i = 0; i < 2; i++) {
      release.shift()?.();
      await turns(2);
    }
    expect(it.outcome(2)?.arguments).toEqual([]);
    expect(it.session.tables.serving).toBe(0);
  });

  test('a call that is allowed later, and finds no room, is refused then', async () => {
    const slow = method({ concurrency: 1, queue: 0 }, () => new Promise<void>(() => {}));
    const it = await peer({ api: { slow }, authorize: () => Promise.resolve(true) });
    await it.send({ method: 'slow', reply: 1 }, { method: 'slow', reply: 2 });
    expect(it.outcome(2)?.arguments).toMatchObject([{ code: 'ERR_BUSY', mayHaveRun: false }]);
    expect(it.session.tables.serving).toBe(1);
  });

  test('pipelined calls and those of a map are asked, each; reads are not', async () => {
    const { authorize, names } = asked(({ name }) => !name.endsWith('secret'));
    const api = {
      users: () => [1, 2].map((n) => ({ n, name: () => `u${n}`, secret: () => 'x' })),
    };
    const { b } = await sessionPair({ a: { api, authorize } });
    const users = (b.remote as { users(): Users }).users();
    type User = { n: Promise<number>; name(): Promise<string>; secret(): Promise<string> };
    type Users = User[];
    const [named, n, secret] = [
      Promise.resolve<unknown>(users.map((user) => user.name())),
      users[0]!.n,
      codeOf(users[1]!.secret()),
    ];
    expect(await named).toEqual(['u1', 'u2']);
    expect(await n).toBe(1);
    expect(await secret).toBe('ERR_FORBIDDEN');
    expect(
      names()
        .map(([, name]) => name)
        .toSorted((one = '', other = '') => one.localeCompare(other)),
    ).toEqual(['1.secret', 'name', 'name', 'users']);
  });

  test('a method that is reached by an outcome, or was let go of, is asked for as what it is', async () => {
    const { authorize, names } = asked(({ method: path }) => path !== 'admin.stop');
    const { ran, options } = hello(authorize);
    const api = { ...options.api, self: (): object => api };
    const it = await peer({ ...options, api });
    const id = it.idOf('0', 'admin', 'stop');
    await it.send({ control: 'cull', counts: { [id]: 1 } });
    await it.send(
      { method: 'self', reply: 1, keep: true },
      { on: 1, method: ['admin', 'stop'], arguments: [], reply: 2 },
    );
    expect(it.outcome(2)?.arguments).toMatchObject([{ code: 'ERR_FORBIDDEN' }]);
    expect(names().at(-1)).toEqual(['admin.stop', 'admin.stop']);
    expect(ran).toEqual([]);
  });

  test('plain peers are asked about as well', async () => {
    const { ran, options } = hello(({ method: path }) => path === 'say');
    const it = await peer({ ...options, hello: null });
    await it.send(
      { method: it.idOf('0', 'say'), arguments: ['a'] },
      { method: it.idOf('0', 'admin', 'stop'), arguments: ['b'] },
    );
    expect(ran).toEqual(['a']);
    expect(it.failed).toEqual(['ERR_FORBIDDEN']);
  });
});
