import { expectTypeOf, test } from 'vitest';
import { Exposed } from '../protocol/exposed.js';
import { codec } from '../protocol/codecs.js';
import type { Released } from '../protocol/keeper.js';
import type { Dialled } from './dial.js';
import type { Remote, RemoteIterable, RemotePromise } from './remote.js';

interface Order {
  readonly id: number;
  readonly lines: readonly { readonly sku: string }[];
}
declare class User extends Exposed {
  name(): string;
  orders(since?: Date): Promise<{ latest(): Order; readonly all: Order[] }>;
  friend(): User | undefined;
}
interface Api {
  user(token: string): Promise<User>;
  users(): User[];
  load(id: number): Order;
  save(order: Order, note?: string): void;
  sum(first: number, ...rest: number[]): number;
  each(list: number[], fn: (n: number) => string): string[];
  ask(question: string, cb: (answer: number) => void): void;
  // oxlint-disable-next-line no-explicit-any
  loose(): any;
  readonly version: string;
}
declare const api: Remote<Api>;

test('what is reached before it is there', () => {
  expectTypeOf(api.user('x').name()).resolves.toEqualTypeOf<string>();
  expectTypeOf(api.user('x').orders().latest().id).resolves.toEqualTypeOf<number>();
  expectTypeOf(api.user('x').orders().all).resolves.toExtend<readonly Remote<Order>[]>();
  expectTypeOf(api.user('x').friend().name()).resolves.toEqualTypeOf<string>();
  expectTypeOf(api.user('x').orders(new Date())).toExtend<Promise<unknown>>();
  // @ts-expect-error There is no such method.
  void api.user('x').nothing();
  // @ts-expect-error A token is text.
  void api.user(5);
});

test('promises as arguments', () => {
  expectTypeOf(api.save(api.load(1))).toExtend<Promise<void>>();
  void api.save(api.load(1), Promise.resolve('x'));
  void api.sum(1, api.sum(2, 3), 4);
  // @ts-expect-error It is a promise of a number.
  void api.save(api.sum(1));
});

test('map', () => {
  expectTypeOf(api.users().map((user) => user.name())).resolves.toEqualTypeOf<string[]>();
  expectTypeOf(
    api.users().map((user) => ({
      name: user.name(),
      total: api.sum(user.orders().latest().id, 1),
    })),
  ).resolves.toEqualTypeOf<{ name: string; total: number }[]>();
  expectTypeOf(
    api.users().map((user) => user.orders().all.map((order) => order.id)),
  ).resolves.toEqualTypeOf<number[][]>();
});

test('callbacks, and what is not typed', () => {
  expectTypeOf(api.each([1], (n) => n.toFixed())).resolves.toExtend<readonly string[]>();
  expectTypeOf(api.ask('?')).resolves.toEqualTypeOf<number>();
  void api.ask('?', (answer) => expectTypeOf(answer).toEqualTypeOf<number>());
  expectTypeOf(api.version).toEqualTypeOf<string>();
  expectTypeOf(api.loose()).toBeAny();
  expectTypeOf<RemotePromise<Order>>().toExtend<Promise<Order>>();
});

declare const brand: unique symbol;
type Sku = string & { readonly [brand]: 'sku' };
type Shape = { kind: 'circle'; r: number } | { kind: 'square'; side: number };

class Counter extends Exposed.with('value', 'label', 'size') {
  value = 0;
  label: string | undefined;
  hidden = 'here';
  protected secret = 1;
  _own = 2;
  constructor(start: number, step?: number) {
    super();
    this.value = start + (step ?? 0);
  }
  get size(): number {
    return 1;
  }
  increment(by = 1): number {
    return (this.value += by);
  }
  async watch(listener: (value: number) => void): Promise<void> {
    listener(this.value);
  }
  _reset(): void {}
}
class Fine extends Counter {
  finer(): string {
    return 'x';
  }
}
declare class Closed {
  constructor(x: number);
  run(): void;
}

interface Wide {
  find(id: number): Order;
  find(name: string): Order[];
  find(name: string, exact: boolean): Promise<Order | undefined>;
  pick<K extends keyof Order>(order: Order, key: K): Promise<Order[K]>;
  same<V>(value: V): V;
  sku(of: Sku): Sku;
  shape(shape: Shape): Shape;
  either: ((x: number) => number) | undefined;
  optional(x: number, y?: string, ...rest: boolean[]): void;
  when(date: Date): Map<string, Date>;
  set(values: Set<number>): URL;
  watch(user: (user: User) => void, done: { readonly end?: (reason: Error) => boolean }): void;
  nested(fn: (give: (n: number) => string) => Promise<number>): void;
  greet(user: Remote<User>): Promise<string>;
  rows(): AsyncIterable<Order>;
  upload(bytes: ReadableStream<Uint8Array>): WritableStream<string>;
  load(id: number): Order;
  readonly admin: { stop(): void; readonly level: number };
  counter(): Counter;
  readonly Counter: typeof Counter;
  readonly Fine: typeof Fine;
  readonly Closed: typeof Closed;
  then(): void;
  toJSON(): string;
}
declare const wide: Remote<Wide>;

test('overloads, and parameters of type', () => {
  expectTypeOf(wide.find(1)).resolves.toEqualTypeOf<Remote<Order>>();
  expectTypeOf(wide.find('x')).resolves.toExtend<readonly Remote<Order>[]>();
  expectTypeOf(wide.find('x', true)).resolves.toEqualTypeOf<Remote<Order> | undefined>();
  expectTypeOf(wide.find(1).id).resolves.toEqualTypeOf<number>();
  // @ts-expect-error None of its forms.
  void wide.find(true);
  // @ts-expect-error None of its forms.
  void wide.find(1, true);
  expectTypeOf(wide.pick({ id: 1, lines: [] }, 'id')).resolves.toEqualTypeOf<number>();
  // @ts-expect-error No key of an order.
  void wide.pick({ id: 1, lines: [] }, 'nope');
  // What it returns is known to be nothing more than its constraint: a promise would have kept it.
  expectTypeOf(wide.same(1)).resolves.toBeUnknown();
});

test('optional and rest parameters, unions, brands', () => {
  void wide.optional(1);
  void wide.optional(1, 'x', true, Promise.resolve(false));
  // @ts-expect-error One is missing.
  void wide.optional();
  // @ts-expect-error No flag.
  void wide.optional(1, 'x', 3);
  const sku = 'a-1' as Sku;
  expectTypeOf(wide.sku(sku)).resolves.toEqualTypeOf<Sku>();
  // @ts-expect-error Any text is no article.
  void wide.sku('a-1');
  expectTypeOf(wide.shape({ kind: 'circle', r: 1 })).resolves.toEqualTypeOf<Remote<Shape>>();
  // @ts-expect-error A square has no radius.
  void wide.shape({ kind: 'square', r: 1 });
  expectTypeOf<NonNullable<typeof wide.either>>().toBeCallableWith(1);
});

test('what stays what it is', () => {
  expectTypeOf(wide.when(new Date())).resolves.toEqualTypeOf<Map<string, Date>>();
  expectTypeOf(wide.set(new Set([1]))).resolves.toEqualTypeOf<URL>();
  // @ts-expect-error Text is no date.
  void wide.when('2020');
  expectTypeOf(wide.admin.level).toEqualTypeOf<number>();
  expectTypeOf(wide.admin.stop()).resolves.toEqualTypeOf<void>();
  expectTypeOf(wide.then).toEqualTypeOf<undefined>();
  expectTypeOf(wide.toJSON).toEqualTypeOf<undefined>();
  // @ts-expect-error A remote is not changed.
  wide.admin = { ...wide.admin };
});

test('callbacks within callbacks', () => {
  // What the service passes is held as any remote is.
  void wide.watch((user) => expectTypeOf(user.name()).resolves.toEqualTypeOf<string>(), {});
  // oxlint-disable-next-line no-misused-promises -- that it may be one is what is tested
  void wide.watch(async (user) => void (await user.name()), {
    end: async (reason) => reason.message === '',
  });
  void wide.nested(async (give) => {
    expectTypeOf(give(1)).resolves.toEqualTypeOf<string>();
    return 5;
  });
  void wide.nested(() => 5);
  // @ts-expect-error It returns a number.
  void wide.nested(() => 'x');
  // @ts-expect-error A user is no number.
  void wide.watch((user: number) => user, {});
});

test('objects by reference, ours and theirs', () => {
  class Ann extends Exposed {
    name(): string {
      return 'ann';
    }
    orders(): Promise<{ latest(): Order; readonly all: Order[] }> {
      return Promise.reject(new Error('none'));
    }
    friend(): undefined {}
  }
  void wide.greet(new Ann());
  void wide.greet(api.user('x'));
  // @ts-expect-error That is no user.
  void wide.greet({ name: () => 5 });
  expectTypeOf<Remote<Ann>>().toExtend<Disposable>();
  // @ts-expect-error A promise is let go of by nobody: what it brings is.
  expectTypeOf(wide.counter()).toExtend<Disposable>();
});

test('streams', () => {
  expectTypeOf(wide.rows()).resolves.toEqualTypeOf<RemoteIterable<Remote<Order>>>();
  expectTypeOf(wide.upload(new ReadableStream<Uint8Array>())).resolves.toEqualTypeOf<
    WritableStream<string>
  >();
  // @ts-expect-error Text is no stream.
  void wide.upload('x');
  // @ts-expect-error It is read when it is there.
  expectTypeOf(wide.rows()).toExtend<AsyncIterable<unknown>>();
});

test('properties that are shared', () => {
  const made = wide.counter();
  expectTypeOf(made.value).resolves.toEqualTypeOf<number>();
  expectTypeOf(made.label).resolves.toEqualTypeOf<string | undefined>();
  void (async (counter: Awaited<typeof made>) => {
    expectTypeOf(await counter.value).toEqualTypeOf<number>();
    counter.value = 5;
    // @ts-expect-error Text is no number.
    counter.value = 'x';
    // @ts-expect-error It is read alone.
    counter.size = 5;
    // @ts-expect-error It is not here, but there.
    void counter.value.toFixed();
    // @ts-expect-error A method is not written over.
    counter.increment = () => 1;
    // @ts-expect-error It is not shared.
    void counter.hidden;
    // @ts-expect-error Underscored names stay there.
    void counter._own;
    // @ts-expect-error As above.
    void counter._reset;
    expectTypeOf(counter.increment()).resolves.toEqualTypeOf<number>();
    expectTypeOf(counter.increment(2)).resolves.toEqualTypeOf<number>();
  });
});

test('new', () => {
  expectTypeOf(new wide.Counter(3)).resolves.toEqualTypeOf<Remote<Counter>>();
  expectTypeOf(new wide.Counter(wide.load(1).id, 2).increment()).resolves.toEqualTypeOf<number>();
  expectTypeOf(new wide.Fine(1).finer()).resolves.toEqualTypeOf<string>();
  // @ts-expect-error It begins at a number.
  void new wide.Counter('x');
  // @ts-expect-error A class is not called.
  void wide.Counter(3);
  // @ts-expect-error It is not exposed.
  void new wide.Closed(3);
  // @ts-expect-error It is no class.
  void new wide.load(3);
});

test('of an object, or of a class that is served', () => {
  const served = { shout: (text: string, times?: number) => text.repeat(times ?? 1) };
  expectTypeOf<Dialled<typeof served>['shout']>().toBeCallableWith('x', 2);
  expectTypeOf<Remote<Counter>>().toHaveProperty('watch');
  expectTypeOf<Remote<unknown>>().toBeUnknown();
  // oxlint-disable-next-line no-explicit-any
  expectTypeOf<Remote<any>>().toBeAny();
});

class Money {
  readonly #cents: number;
  constructor(cents: number) {
    this.#cents = cents;
  }
  plus(other: Money): Money {
    return new Money(this.#cents + other.#cents);
  }
  toData(): number {
    return this.#cents;
  }
}
class Unknown {
  readonly #secret = 1;
  reveal(): number {
    return this.#secret;
  }
}
const codecs = [
  codec({
    name: 'money',
    for: Money,
    encode: (it) => it.toData(),
    decode: (data) => new Money(data),
  }),
  codec({
    name: 'headers',
    for: Headers,
    encode: (it) => [...it],
    decode: (it) => new Headers(it),
  }),
];
declare module './register.js' {
  interface Register {
    codecs: typeof codecs;
  }
}
interface Till {
  price(sku: string): Money;
  prices(): Promise<Map<string, Money>>;
  open(): { readonly paid: Money; readonly head: Headers };
  pay(amount: Money, done: (rest: Money) => void): void;
  unknown(): Unknown;
  user(): User;
  greet(user: Remote<User>, all?: Remote<User>[]): string;
}

test('classes with a codec', () => {
  const till = {} as Remote<Till>;
  expectTypeOf(till.price('x')).resolves.toEqualTypeOf<Money>();
  expectTypeOf(till.prices()).resolves.toEqualTypeOf<Map<string, Money>>();
  expectTypeOf(till.open()).resolves.toEqualTypeOf<{
    readonly paid: Money;
    readonly head: Headers;
  }>();
  expectTypeOf(till.open().paid).resolves.toEqualTypeOf<Money>();
  void till.pay(till.price('x'), (rest) => expectTypeOf(rest).toEqualTypeOf<Money>());
  void till.pay(new Money(1), () => {});
  // @ts-expect-error What looks like money is none.
  void till.pay({ plus: (it: Money) => it, toData: () => 1 }, () => {});
  // One without: its members.
  expectTypeOf(till.unknown()).resolves.not.toEqualTypeOf<Unknown>();
});

test('objects by reference are let go of', () => {
  const till = {} as Remote<Till>;
  expectTypeOf(till.user()).resolves.toExtend<Disposable>();
  void (async () => {
    using user = await till.user();
    expectTypeOf(user.name()).resolves.toEqualTypeOf<string>();
    void till.greet(user, [user, till.user()]);
    // @ts-expect-error What is not here yet is not let go of.
    using early = till.user();
    void early;
  });
});

test('who is told that it was let go', () => {
  class Cart extends Exposed {
    add(sku: string): number {
      return sku.length;
    }
    [Exposed.released]({ peer, session, last }: Released): void {
      expectTypeOf(last).toEqualTypeOf<boolean>();
      expectTypeOf(session.peer).toEqualTypeOf(peer);
    }
  }
  const remote = {} as Remote<{ cart(): Cart }>;
  expectTypeOf(remote.cart().add('x')).resolves.toEqualTypeOf<number>();
  // @ts-expect-error It stays with its owner.
  void remote.cart()[Exposed.released];
});
