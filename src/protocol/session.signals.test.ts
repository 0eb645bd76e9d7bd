import { describe, expect, test } from 'vitest';
import { ourHello, peer, sessionPair } from '../testing/fixtures/peer.js';
import { turns } from '../testing/recorder.js';
import { features } from './hello.js';

/** A side that keeps the signals it gets. */
async function keeping() {
  const got: AbortSignal[] = [];
  const wait = (signal: AbortSignal): Promise<unknown> =>
    new Promise((resolve) => {
      signal.addEventListener('abort', () => resolve(signal.reason));
    });
  const api = {
    keep: (signal: AbortSignal) => void got.push(signal),
    keepIn: ({ deep: [signal] }: { deep: [AbortSignal] }) => void got.push(signal),
    wait,
    echo: (it: unknown) => it,
  };
  return { got, api, ...(await sessionPair({ b: { api } })) };
}

describe('a signal that is passed', () => {
  test('fires there with the same reason', async () => {
    const { a, got } = await keeping();
    const controller = new AbortController();
    const waited = a.call('wait', [controller.signal]);
    await a.call('keepIn', [{ deep: [controller.signal] }]);
    expect(got[0]).toBeInstanceOf(AbortSignal);
    expect(got[0]?.aborted).toBe(false);
    controller.abort(new RangeError('far', { cause: new Map([[1, new Date(0)]]) }));
    expect(await waited).toStrictEqual(
      new RangeError('far', { cause: new Map([[1, new Date(0)]]) }),
    );
    expect(got[0]?.reason).toMatchObject({ name: 'RangeError', message: 'far' });
  });

  test('without a reason, with the usual one', async () => {
    const { a } = await keeping();
    const controller = new AbortController();
    const waited = a.call('wait', [controller.signal]);
    await turns(2);
    controller.abort();
    const reason = await waited;
    expect(reason).toBeInstanceOf(DOMException);
    expect(reason).toMatchObject({ name: 'AbortError', message: controller.signal.reason.message });
  });

  test.each([
    ['a DOMException', undefined],
    ['an error', new TypeError('why')],
    ['a value', { why: new Date(0) }],
    ['null', null],
  ])('aborted before, it arrives so: %s', async (_name, reason) => {
    const { a, b, got } = await keeping();
    const signal = AbortSignal.abort(reason);
    await a.call('keep', [signal]);
    expect(got[0]?.aborted).toBe(true);
    expect(got[0]?.reason).toStrictEqual(signal.reason);
    expect([a.tables.signals, b.tables.signals, b.tables.references]).toEqual([0, 0, 0]);
  });

  test('is one there, however often and wherever it stands, and goes when it was aborted', async () => {
    const { a, b, got } = await keeping();
    const before = [a.tables, b.tables];
    const controller = new AbortController();
    const { signal } = controller;
    await a.call('keep', [signal]);
    await a.call('keepIn', [{ deep: [signal] }]);
    expect(got[0]).toBe(got[1]);
    const back = (await a.call('echo', [[signal, new Map([[signal, signal]])]])) as unknown[];
    // Itself, where it comes back.
    expect(back).toEqual([signal, new Map([[signal, signal]])]);
    expect(back[0]).toBe(signal);
    controller.abort('x');
    await turns(3);
    expect(got[0]?.reason).toBe('x');
    expect([a.tables, b.tables]).toEqual(before);
  });

  test('in an outcome fires as well', async () => {
    const controller = new AbortController();
    const { a } = await sessionPair({ b: { api: { closing: () => controller.signal } } });
    const signal = (await a.call('closing', [])) as AbortSignal;
    controller.abort('closing');
    await turns(2);
    expect(signal.reason).toBe('closing');
  });

  test('to and from a callback', async () => {
    const controller = new AbortController();
    const back = new AbortController();
    const { a } = await sessionPair({
      b: {
        api: { run: async (cb: (s: AbortSignal) => Promise<AbortSignal>) => cb(controller.signal) },
      },
    });
    const heard: unknown[] = [];
    const returned = (await a.call('run', [
      (signal: AbortSignal) => {
        signal.onabort = () => heard.push(signal.reason);
        return back.signal;
      },
    ])) as AbortSignal;
    controller.abort(1);
    back.abort(2);
    await turns(4);
    expect([heard, returned.reason]).toEqual([[1], 2]);
  });

  test('with a reason that cannot be sent fires with one that says so', async () => {
    const { a } = await keeping();
    const controller = new AbortController();
    const waited = a.call('wait', [controller.signal]);
    await turns(2);
    controller.abort(Symbol('s'));
    expect(await waited).toMatchObject({ code: 'ERR_CANCELLED' });
  });

  test('fires when the session ends there, with why', async () => {
    for (const [end, code] of [
      ['close', 'ERR_CONNECTION_LOST'],
      ['there', 'ERR_CLOSED'],
    ] as const) {
      const { a, b, got } = await keeping();
      const controller = new AbortController();
      await a.call('keep', [controller.signal]);
      if (end === 'close') a.close();
      else b.close();
      await turns(2);
      expect(got[0]?.reason).toMatchObject({ code });
      expect([a.tables.signals, b.tables.signals]).toEqual([0, 0]);
      controller.abort();
    }
  });

  test('leaves no listener behind: not where it was let go, not where nothing was sent, not after the end', async () => {
    const { a, b, got } = await keeping();
    const controller = new AbortController();
    const counted = { listeners: 0 };
    const { signal } = controller;
    const [add, remove] = [
      signal.addEventListener.bind(signal),
      signal.removeEventListener.bind(signal),
    ];
    signal.addEventListener = (...args: Parameters<typeof add>) => {
      counted.listeners++;
      add(...args);
    };
    signal.removeEventListener = (...args: Parameters<typeof remove>) => {
      counted.listeners--;
      remove(...args);
    };
    await expect(a.call('keep', [signal, Symbol('s')])).rejects.toMatchObject({ code: 'ERR_DATA' });
    expect(counted.listeners).toBe(0);
    await a.call('keep', [signal]);
    expect(counted.listeners).toBe(1);
    b.close();
    await turns(2);
    expect([counted.listeners, got[0]?.aborted]).toEqual([0, true]);
  });
});

describe('for who does not know of signals', () => {
  const without = features.filter((it) => it !== 'signal');

  test('it is an object by which it can wait', async () => {
    const controller = new AbortController();
    const them = await peer({
      api: { give: () => controller.signal },
      hello: { ...ourHello, features: without },
    });
    expect(await them.call('give')).toEqual([null, { aborted: false, wait: '[Function]' }]);
    expect(them.last).not.toHaveProperty('types');
    await them.send({ method: them.idOf('1', 'wait'), arguments: [], reply: 77 });
    expect(them.outcome(77)).toBeUndefined();
    controller.abort('why');
    await turns(2);
    expect(them.outcome(77)?.arguments).toEqual([null, 'why']);
    expect(await them.call('give')).toEqual([null, { aborted: true, reason: 'why' }]);
  });

  test('and in old dnode passes a callback', async () => {
    const controller = new AbortController();
    const them = await peer({ hello: null });
    void them.session.call('take', [controller.signal, () => {}]);
    await turns(1);
    expect(them.last?.arguments?.[0]).toEqual({ aborted: false, wait: '[Function]' });
    await them.send({ method: them.idOf('0', 'wait'), arguments: ['f'], callbacks: { 9: ['0'] } });
    controller.abort('why');
    await turns(3);
    expect(them.last).toMatchObject({ method: 9, arguments: ['why'] });
  });
});

describe('a peer that lies', () => {
  const arrive = async (signal: unknown, more: object = {}) => {
    const got: unknown[] = [];
    const them = await peer({ api: { take: (it: unknown) => void got.push(it) } });
    const outcome = await them.refused('take', [signal], { types: { signal: [['0']] }, ...more });
    return { them, got, outcome };
  };

  test.each<[name: string, signal: unknown, more?: object]>([
    ['of a signal that is text', 'x'],
    ['of a signal that nothing tells of', { aborted: false }],
    ['of a signal that text tells of', { aborted: false, wait: 'x' }],
    ['with a path that is none', {}, { types: { signal: [1] } }],
    ['with no list', {}, { types: { signal: {} } }],
  ])('%s', async (_name, signal, more) => {
    expect((await arrive(signal, more)).outcome).toBe('ERR_MALFORMED');
  });

  test('aborted without a reason, or by names of prototypes', async () => {
    const { got } = await arrive({ aborted: true, __proto__: { reason: 1 } });
    expect((got[0] as AbortSignal).reason).toMatchObject({ name: 'AbortError' });
  });

  test.each<[name: string, message: object]>([
    ['of which there is none', { signal: 1_000 }],
    ['of no id', { signal: '__proto__' }],
    ['of a method', { signal: 0 }],
  ])('aborts a signal %s: nothing happens', async (_name, message) => {
    const { them } = await arrive(
      { aborted: false, wait: 'f' },
      { callbacks: { 5: ['0', 'wait'] } },
    );
    await them.send({ control: 'abort', arguments: ['f'], callbacks: { 6: ['0'] }, ...message });
    expect(them.session.ended).toBe(false);
    await turns(2);
    expect(them.last).toMatchObject({ control: 'cull', counts: { 6: 1 } });
  });

  test('with a reason that cannot be read: it fires with that', async () => {
    const { them, got } = await arrive(
      { aborted: false, wait: 'f' },
      { callbacks: { 5: ['0', 'wait'] } },
    );
    await them.send({ control: 'abort', signal: 5, arguments: ['x'], types: { date: [['0']] } });
    expect((got[0] as AbortSignal).reason).toMatchObject({ code: 'ERR_MALFORMED' });
  });

  test('says that it will never be aborted, and aborts it', async () => {
    const { them, got } = await arrive(
      { aborted: false, wait: 'f' },
      { callbacks: { 5: ['0', 'wait'] } },
    );
    await them.send(
      { control: 'abort', signal: 5 },
      { control: 'abort', signal: 5, arguments: [1] },
    );
    expect((got[0] as AbortSignal).aborted).toBe(false);
    expect(them.session.tables).toMatchObject({ signals: 0, references: 0 });
  });
});
