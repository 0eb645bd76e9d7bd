import { expectTypeOf, test } from 'vitest';
import type { Exposed } from '../protocol/exposed.js';
import type { Remote, RemotePromise } from './remote.js';

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
