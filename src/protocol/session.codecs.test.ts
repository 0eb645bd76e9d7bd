import { describe, expect, test } from 'vitest';
import { ourHello, peer, sessionPair } from '../testing/fixtures/peer.js';
import { turns } from '../testing/recorder.js';
import { codec } from './codecs.js';

class Money {
  readonly #cents: bigint;
  readonly currency: string;

  constructor(cents: bigint, currency: string) {
    this.#cents = cents;
    this.currency = currency;
  }

  get cents(): bigint {
    return this.#cents;
  }
}

class Order {
  readonly lines: Map<string, Money>;
  readonly total: Money;
  onPaid: (() => unknown) | undefined;
  beside: unknown;

  constructor(lines: Map<string, Money>, total: Money) {
    this.lines = lines;
    this.total = total;
  }
}

class Coin extends Money {}

const money = codec({
  name: 'money',
  for: Money,
  encode: (it): [bigint, string] => [it.cents, it.currency],
  decode([cents, currency]) {
    if (typeof cents !== 'bigint') throw new TypeError('no cents');
    return new Money(cents, currency);
  },
});

const order = codec({
  name: 'order',
  for: Order,
  encode: ({ lines, total, onPaid, beside }) => ({ lines, total, onPaid, beside }),
  decode({ lines, total, onPaid, beside }) {
    // All of it is there: what it holds has been made and filled.
    if (!(total instanceof Money) || lines.get('a') !== total) throw new TypeError('not whole');
    return Object.assign(new Order(lines, total), { onPaid, beside });
  },
});

const codecs = [money, order];

async function pair(theirs = codecs) {
  const got: unknown[] = [];
  const api = { take: (...args: unknown[]) => void got.push(...args), echo: (it: unknown) => it };
  return { got, ...(await sessionPair({ a: { codecs }, b: { codecs: theirs, api } })) };
}

describe('instances of a class with a codec', () => {
  test('arrive as instances, in every place', async () => {
    const { a, got } = await pair();
    const euro = new Money(5n, 'EUR');
    const sent = [
      euro,
      { deep: [euro] },
      new Map([[euro, new Set([euro])]]),
      new Error('e', { cause: euro }),
    ];
    await a.call('take', [sent]);
    const [[first, { deep }, map, error]] = got as [
      [Money, { deep: Money[] }, Map<Money, Set<Money>>, Error],
    ];
    expect(first).toBeInstanceOf(Money);
    expect([first.cents, first.currency]).toEqual([5n, 'EUR']);
    // One that was one is one.
    expect([
      deep[0],
      ...map.keys(),
      ...[...map.values()].flatMap((it) => [...it]),
      error.cause,
    ]).toEqual([first, first, first, first]);
    for (const each of [deep[0], [...map.keys()][0], [...(map.get(first) ?? [])][0], error.cause])
      expect(each).toBe(first);
    expect(await a.call('echo', [euro])).toMatchObject({ currency: 'EUR', cents: 5n });
  });

  test('hold each other, maps, functions and cycles beside', async () => {
    const { a, got } = await pair();
    const total = new Money(7n, 'EUR');
    const made = new Order(new Map([['a', total]]), total);
    const ring: { self?: unknown; total: Money } = { total };
    ring.self = ring;
    made.beside = ring;
    made.onPaid = () => 'paid';
    await a.call('take', [{ ring, made, again: made, total }]);
    const [it] = got as [{ ring: typeof ring; made: Order; again: Order; total: Money }];
    expect(it.made).toBeInstanceOf(Order);
    expect(it.again).toBe(it.made);
    expect(it.made.total).toBe(it.total);
    expect(it.ring.total).toBe(it.total);
    expect(it.made.beside).toBe(it.ring);
    expect(it.ring.self).toBe(it.ring);
    expect(await it.made.onPaid?.()).toBe('paid');
  });

  test('lead back to what holds them, which is filled when all are made', async () => {
    class Node {
      constructor(readonly beside: unknown) {}
    }
    const node = codec({
      name: 'node',
      for: Node,
      encode: (it) => [it.beside],
      decode: ([beside]) => new Node(beside),
    });
    const { a } = await sessionPair({
      a: { codecs: [node] },
      b: { codecs: [node], api: { echo: (it: unknown) => it } },
    });
    const set = new Set<Node>();
    const byway = { set };
    const last = new Node(new Map([['here', 1]]));
    for (const each of [new Node(set), new Node(byway), last]) set.add(each);
    const got = (await a.call('echo', [{ byway, set, map: new Map([[last, set]]) }])) as {
      set: Set<Node>;
      map: Map<Node, unknown>;
    };
    const [first, second, third] = got.set;
    for (const each of [first, second, third]) expect(each).toBeInstanceOf(Node);
    expect(first?.beside).toBe(got.set);
    expect((second?.beside as typeof byway | undefined)?.set).toBe(got.set);
    expect(third?.beside).toEqual(new Map([['here', 1]]));
    expect(got.map.get(third as Node)).toBe(got.set);
  });

  test('one codec may make instances of another', async () => {
    class Wrapped {
      constructor(readonly inner: Money) {}
    }
    const wrapped = codec({
      name: 'wrapped',
      for: Wrapped,
      encode: (it) => it.inner,
      decode: (it) => new Wrapped(it),
    });
    const { a } = await sessionPair({
      a: { codecs: [wrapped, money] },
      b: { codecs: [money, wrapped], api: { echo: (it: unknown) => it } },
    });
    const inner = new Money(1n, 'X');
    const [got, other] = (await a.call('echo', [[new Wrapped(inner), inner]])) as [Wrapped, Money];
    expect(got).toBeInstanceOf(Wrapped);
    expect([got.inner.cents, other.cents]).toEqual([1n, 1n]);
  });

  test('also of classes of the runtime', async () => {
    const headers = codec({
      name: 'headers',
      for: Headers,
      encode: (it) => [...it],
      decode: (it) => new Headers(it),
    });
    const { a } = await sessionPair({
      a: { codecs: [headers] },
      b: { codecs: [headers], api: { echo: (it: unknown) => it } },
    });
    const got = await a.call('echo', [new Headers({ a: 'b' })]);
    expect(got).toBeInstanceOf(Headers);
    expect([...(got as Headers)]).toEqual([['a', 'b']]);
  });
});

describe('refused at the sender, with the path', () => {
  const refusal = async (value: unknown, theirs = codecs) => {
    const { a } = await pair(theirs);
    const error: unknown = await a.call('take', [{ deep: value }]).catch((it: unknown) => it);
    expect(error).toMatchObject({ code: 'ERR_DATA', mayHaveRun: false });
    expect(await a.call('echo', [1])).toBe(1);
    return (error as Error).message;
  };

  test('where the peer has no codec of that name', async () => {
    expect(await refusal(new Money(1n, 'X'), [order])).toBe(
      'argument 0.deep cannot be sent: the peer has no codec `money`, by which a Money goes',
    );
  });

  test('where the peer is an old one', async () => {
    const them = await peer({ codecs, hello: null });
    await expect(them.session.call('take', [new Money(1n, 'X')])).rejects.toMatchObject({
      code: 'ERR_DATA',
    });
  });

  test('a subclass, which would arrive as something else', async () => {
    expect(await refusal(new Coin(1n, 'X'))).toContain(
      'the codec `money` is for Money, and not for Coin',
    );
  });

  test('what holds itself by way of its data', async () => {
    const made = new Order(new Map(), new Money(1n, 'X'));
    made.beside = { made };
    expect(await refusal(made)).toContain('argument 0.deep.beside.made cannot be sent');
  });

  test('a promise within its data, and data that is a promise', async () => {
    const made = new Order(new Map(), new Money(1n, 'X'));
    made.beside = Promise.resolve(1);
    expect(await refusal(made)).toContain('holds a promise');
    class Late {}
    const late = codec({
      name: 'late',
      for: Late,
      encode: () => Promise.resolve(1),
      decode: () => new Late(),
    });
    const { a } = await sessionPair({ a: { codecs: [late] }, b: { codecs: [late] } });
    await expect(a.call('take', [new Late()])).rejects.toMatchObject({ code: 'ERR_DATA' });
  });

  test('what its codec throws', async () => {
    const { a } = await pair();
    class Broken extends Money {
      override get cents(): never {
        throw new RangeError('no cents left');
      }
    }
    const broken = codec({
      name: 'money',
      for: Broken,
      encode: (it) => it.cents,
      decode: () => new Broken(1n, ''),
    });
    const { a: other } = await sessionPair({ a: { codecs: [broken] }, b: { codecs } });
    await expect(other.call('take', [1, new Broken(1n, '')])).rejects.toMatchObject({
      code: 'ERR_DATA',
      message: 'argument 1 cannot be sent: no cents left',
    });
    expect(await a.call('echo', [1])).toBe(1);
  });
});

test('with `subclasses` the codec takes those of classes that extend it', async () => {
  const all = codec({
    ...{ name: 'money', for: Money, subclasses: true },
    encode: (it): [boolean, bigint] => [it instanceof Coin, it.cents],
    decode: ([coin, cents]) => (coin ? new Coin(cents, 'X') : new Money(cents, 'X')),
  });
  const { a } = await sessionPair({
    a: { codecs: [all] },
    b: { codecs: [all], api: { echo: (it: unknown) => it } },
  });
  expect(await a.call('echo', [new Coin(1n, 'X')])).toBeInstanceOf(Coin);
});

describe('codecs that cannot be', () => {
  const good = { name: 'x', for: Money, encode: () => 1, decode: () => new Money(1n, '') };
  test.each<[name: string, more: object]>([
    ['without a name', { name: '' }],
    ['with a name that is no text', { name: 1 }],
    ['for no class', { for: 'Money' }],
    ['for an arrow function', { for: () => 1 }],
    ['for plain objects', { for: Object }],
    ['for arrays', { for: class extends Array {} }],
    ['for promises', { for: Promise }],
    ['without `decode`', { decode: undefined }],
  ])('%s', (_name, more) => {
    expect(() => codec({ ...good, ...more })).toThrow(
      expect.objectContaining({ code: 'ERR_OPTION' }),
    );
  });

  test('two of one name, or for one class', () => {
    for (const other of [
      codec({ ...good, name: 'money', for: Coin }),
      codec({ ...good, name: 'other' }),
    ]) {
      expect(() => money.among([money, other])).toThrow(
        expect.objectContaining({ code: 'ERR_OPTION' }),
      );
    }
  });
});

describe('a peer that lies', () => {
  const hello = { ...ourHello, codecs: ['money', 'order', '__proto__', 5, null] };
  const arrive = async (more: object, own = codecs) => {
    const got: unknown[] = [];
    const them = await peer({
      codecs: own,
      hello,
      api: { take: (it: unknown) => void got.push(it) },
    });
    const outcome = await them.call('take', [], more as never);
    expect(them.session.ended).toBe(false);
    expect(await them.call('take', [1])).toEqual([]);
    return { outcome: outcome?.[0], got };
  };
  const at = (...entries: unknown[]) => ({ codec: entries });

  test.each<[name: string, code: string, more: object]>([
    ['of a codec that there is not', 'ERR_MALFORMED', { arguments: [1], types: at(['x', ['0']]) }],
    [
      'of one by a name of prototypes',
      'ERR_MALFORMED',
      { arguments: [1], types: at(['__proto__', ['0']]) },
    ],
    ['of one without a name', 'ERR_MALFORMED', { arguments: [1], types: at([null, ['0']]) }],
    ['with no list', 'ERR_MALFORMED', { arguments: [1], types: { codec: {} } }],
    ['with no pair', 'ERR_MALFORMED', { arguments: [1], types: at('money') }],
    ['with a path to nothing', 'ERR_MALFORMED', { arguments: [], types: at(['money', ['0']]) }],
    [
      'with a path through an instance',
      'ERR_MALFORMED',
      {
        arguments: [['1', 'X']],
        types: { bigint: [['0', '0']], ...at(['money', ['0']], ['money', ['0', '0']]) },
      },
    ],
    ['with data that is none', 'ERR_DATA', { arguments: [{ a: 1 }], types: at(['money', ['0']]) }],
    [
      'with data that its codec refuses',
      'ERR_DATA',
      { arguments: [[1, 'X']], types: at(['money', ['0']]) },
    ],
  ])('%s', async (_name, code, more) => {
    expect((await arrive(more)).outcome).toMatchObject({ code });
  });

  test('where we have none', async () => {
    const { outcome } = await arrive({ arguments: [1], types: at(['money', ['0']]) }, []);
    expect(outcome).toMatchObject({ code: 'ERR_MALFORMED' });
  });

  test('with links to one path, which is named as often', async () => {
    const n = 4_900;
    const went: unknown[] = [];
    const them = await peer({
      codecs: [codec({ ...money, decode: (it) => new Money(BigInt(went.push(it)), 'X') })],
      hello: { ...ourHello, codecs: ['money'] },
      api: { take: (list: unknown[], it: unknown) => list.every((each) => each === it) },
    });
    const list = Array.from({ length: n }, () => 0);
    const types = at(...list.map(() => ['money', ['1']]));
    const links = list.map((_, i) => ({ from: ['1'], to: ['0', i] }));
    // For each of the one with each of the other that were half a minute.
    const began = performance.now();
    expect(await them.call('take', [list, 0], { types, links })).toEqual([null, true]);
    expect(performance.now() - began).toBeLessThan(15_000);
    expect(went).toHaveLength(n);
  });

  test('with entries without end', async () => {
    const types = at(...Array.from({ length: 9_000 }, () => ['money', ['0']]));
    expect(
      (await arrive({ arguments: [Array.from({ length: 50_000 }, () => 1)], types })).outcome,
    ).toMatchObject({ code: 'ERR_DATA' });
  });
});

test('a failing decode of an outcome rejects the call, and the session goes on', async () => {
  const other = codec({
    name: 'money',
    for: Money,
    encode: () => 'nothing',
    decode: () => new Money(1n, ''),
  });
  const { a } = await sessionPair({
    a: { codecs },
    b: { codecs: [other], api: { give: () => new Money(1n, 'X'), one: () => 1 } },
  });
  await expect(a.call('give', [])).rejects.toMatchObject({ code: 'ERR_DATA' });
  expect(await a.call('one', [])).toBe(1);
});

test('the hello names them, and says nothing without', async () => {
  const them = await peer({ codecs });
  expect(them.got[0]).toMatchObject({ dservice: { codecs: ['money', 'order'] } });
  const none = await peer({});
  expect(none.got[0]?.dservice).not.toHaveProperty('codecs');
  await turns(1);
});
