import { describe, expect, test } from 'vitest';
import { DserviceError } from '../errors.js';
import { Exposed } from '../protocol/exposed.js';
import { dispose, options } from '../protocol/options.js';
import { makeHost } from '../testing/fixtures/instances.js';
import { sessionPair } from '../testing/fixtures/peer.js';
import { turns } from '../testing/recorder.js';
import { onBroken } from './on-broken.js';

// oxlint-disable-next-line no-explicit-any
type Loose = any;

class Cart extends Exposed {
  add(): number {
    return 1;
  }
}

const api = {
  fn: () => () => 1,
  cart: () => new Cart(),
  five: () => 5,
  fail: () => {
    throw new Error('no');
  },
  refuse: () => {
    throw new DserviceError('ERR_STATE', 'not now');
  },
  slow: () => new Promise(() => {}),
};

async function pair() {
  const { a, b } = await sessionPair({ b: { api } });
  return { a, b, remote: a.remote as Loose };
}

/** The codes that a listener is told. */
function watch(remote: object): { codes: string[]; stop: () => void } {
  const codes: string[] = [];
  return { codes, stop: onBroken(remote, (error) => codes.push(error.code)) };
}

describe('a session', () => {
  test('its remote, its methods, a view of them and the session itself', async () => {
    const { a, b, remote } = await pair();
    const things = [remote, remote.five, options(remote, { key: 'k' }), a];
    const all = [...things, options(remote.five, { key: 'k' })].map(watch);
    expect(all.map(({ codes }) => codes)).toEqual([[], [], [], [], []]);
    b.close();
    await turns(3);
    expect(all.map(({ codes }) => codes)).toEqual(all.map(() => ['ERR_CONNECTION_LOST']));
    // Told once, whatever comes.
    a.close();
    await turns(3);
    expect(all.flatMap(({ codes }) => codes)).toHaveLength(5);
  });

  test('closed here, and what is watched when it is over', async () => {
    const { a, remote } = await pair();
    const fn = await remote.fn();
    const before = watch(remote);
    a.close();
    expect(before.codes).toEqual([]);
    await turns(1);
    const after = [remote, fn, a].map(watch);
    expect(after.map(({ codes }) => codes)).toEqual([[], [], []]);
    await turns(1);
    expect(before.codes).toEqual(['ERR_CLOSED']);
    expect(after.map(({ codes }) => codes)).toEqual(after.map(() => ['ERR_CLOSED']));
  });

  test('with the reason', async () => {
    const { a, remote } = await pair();
    const why: DserviceError[] = [];
    onBroken(remote, (error) => why.push(error));
    onBroken(remote.five, (error) => why.push(error));
    a.abandon(new DserviceError('ERR_HEARTBEAT', 'the peer shows no life'));
    await turns(1);
    expect(why.map((it) => [it.code, it.message])).toEqual([
      ['ERR_CONNECTION_LOST', 'the peer shows no life'],
      ['ERR_CONNECTION_LOST', 'the peer shows no life'],
    ]);
  });

  test('the remote of who serves', async () => {
    const heard: string[] = [];
    const served = (remote: object) => {
      onBroken(remote, (error) => heard.push(error.code));
      return {};
    };
    const { a } = await sessionPair({ b: { api: served } });
    a.close();
    await turns(3);
    expect(heard).toEqual(['ERR_CONNECTION_LOST']);
  });
});

describe('what was passed', () => {
  test('a function and an object, when they are released', async () => {
    const { a, remote } = await pair();
    const [fn, cart] = [await remote.fn(), await remote.cart()];
    const [ofFn, ofCart] = [watch(fn), watch(cart)];
    fn[dispose]();
    cart[dispose]();
    await turns(1);
    expect([ofFn.codes, ofCart.codes]).toEqual([['ERR_RELEASED'], ['ERR_RELEASED']]);
    const late = watch(fn);
    await turns(1);
    expect(late.codes).toEqual(['ERR_RELEASED']);
    a.close();
    await turns(1);
    expect(ofFn.codes).toHaveLength(1);
  });

  test('who serves learns that the owner of a callback is gone', async () => {
    const gone: string[] = [];
    const subscribe = (cb: () => void): void => {
      onBroken(cb, (error) => gone.push(error.code));
    };
    const { a } = await sessionPair({ b: { api: { subscribe } } });
    await (a.remote as Loose).subscribe(() => {});
    a.close();
    await turns(3);
    expect(gone).toEqual(['ERR_CONNECTION_LOST']);
  });
});

describe('a promise of a call', () => {
  test('when the call fails', async () => {
    const { remote } = await pair();
    const why: DserviceError[] = [];
    for (const call of [remote.fail(), remote.refuse(), remote.fail().more.of(1)]) {
      onBroken(call, (error) => why.push(error));
    }
    await turns(4);
    expect(why.map(({ code }) => code)).toEqual(['ERR_REFERENCE', 'ERR_STATE', 'ERR_REFERENCE']);
    expect(why[0]?.cause).toMatchObject({ message: 'no' });
  });

  test('when what it brought is released, or its session ends', async () => {
    const { a, remote } = await pair();
    const cart = remote.cart();
    const [ofCart, ofSlow, ofFive] = [watch(cart), watch(remote.slow()), watch(remote.five())];
    const ofProperty = watch(remote.cart().add);
    await turns(3);
    expect([ofCart.codes, ofSlow.codes, ofProperty.codes]).toEqual([[], [], []]);
    (await cart)[dispose]();
    await turns(1);
    expect(ofCart.codes).toEqual(['ERR_RELEASED']);
    a.close();
    await turns(2);
    expect([ofSlow.codes, ofProperty.codes]).toEqual([['ERR_CLOSED'], ['ERR_CLOSED']]);
    // A value is there, and stays.
    expect(ofFive.codes).toEqual([]);
  });
});

describe('a service', () => {
  test('is over when it is released or its caller is stopped, not when an instance goes', async () => {
    const { dservice, instance } = makeHost();
    const one = await instance('a@1.0.0');
    await instance('a@1.0.0');
    const caller = dservice();
    const [remote, released] = [await caller.connect('a'), await caller.connect('a')];
    const all = [remote, remote.who, released].map(watch);
    await one.service.stop();
    await turns(2);
    expect(all.map(({ codes }) => codes)).toEqual([[], [], []]);
    released[dispose]();
    await turns(1);
    expect(all.map(({ codes }) => codes)).toEqual([[], [], ['ERR_RELEASED']]);
    await caller.stop();
    await turns(1);
    expect(all.map(({ codes }) => codes)).toEqual([
      ['ERR_CLOSED'],
      ['ERR_CLOSED'],
      ['ERR_RELEASED'],
    ]);
    const late = watch(remote);
    await turns(1);
    expect(late.codes).toEqual(['ERR_CLOSED']);
  });

  test('the one instance of dnodeFor, by its remote and by its connection', async () => {
    const { dservice, instance } = makeHost();
    const one = await instance('a@1.0.0');
    const found = await new Promise<Loose[]>((resolve) => {
      dservice().dnodeFor('a', (...[, remote, d]) => resolve([remote, d]));
    });
    const all = found.map(watch);
    await one.service.stop();
    await expect.poll(() => all.map(({ codes }) => codes.length)).toEqual([1, 1]);
  });
});

test('the listener can be taken back, may throw, and is not for what is nobody\u2019s', async () => {
  const { a, remote } = await pair();
  const all = [remote, remote.five, remote.slow(), await remote.cart()].map(watch);
  for (const { stop } of all) stop();
  a.close();
  const late = watch(remote);
  late.stop();
  await turns(2);
  expect([...all, late].flatMap(({ codes }) => codes)).toEqual([]);
  for (const value of [{}, [], () => {}, new Map(), { a: { b: 1 } }]) {
    expect(() => onBroken(value, () => {})).toThrow(expect.objectContaining({ code: 'ERR_STATE' }));
  }
  const loop: Record<string, unknown> = {};
  loop.self = loop;
  expect(() => onBroken(loop, () => {})).toThrow(expect.objectContaining({ code: 'ERR_STATE' }));
});
