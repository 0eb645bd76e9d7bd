import { type } from 'arktype';
import * as v from 'valibot';
import { expectTypeOf, test } from 'vitest';
import { z } from 'zod';
import type { Remote } from './remote.js';
import { method } from '../protocol/method.js';

const length = z.string().transform((text) => text.length);

test('a handler gets what schemas make, its callers give what they take', () => {
  const api = {
    shout: method({ args: [length, z.number().optional()], result: length }, (size, n) => {
      expectTypeOf(size).toEqualTypeOf<number>();
      expectTypeOf(n).toEqualTypeOf<number | undefined>();
      return 'text';
    }),
  };
  expectTypeOf(api.shout).parameters.toEqualTypeOf<[string, (number | undefined)?]>();
  expectTypeOf(api.shout).returns.toEqualTypeOf<number>();
  const remote = {} as Remote<typeof api>;
  expectTypeOf(remote.shout('a')).resolves.toEqualTypeOf<number>();
  void remote.shout('a', 1);
  // @ts-expect-error It takes text.
  void remote.shout(5);
  // @ts-expect-error There is no third one.
  void remote.shout('a', 1, 2);
});

test('of every library', () => {
  const api = {
    valibot: method({ args: [v.string(), v.optional(v.number(), 5)] }, async (text, n) => {
      expectTypeOf(n).toEqualTypeOf<number>();
      return text;
    }),
    arktype: method({ args: [type('string'), type('string.numeric.parse')] }, (text, n) => {
      expectTypeOf(text).toEqualTypeOf<string>();
      expectTypeOf(n).toEqualTypeOf<number>();
      return n;
    }),
  };
  expectTypeOf(api.valibot).parameters.toEqualTypeOf<[string, (number | undefined)?]>();
  expectTypeOf(api.valibot).returns.toEqualTypeOf<Promise<string>>();
  expectTypeOf(api.arktype).parameters.toEqualTypeOf<[string, string]>();
  expectTypeOf(api.arktype).returns.toEqualTypeOf<number>();
});

test('one schema for the list, a result alone, and none', () => {
  const sum = method({ args: z.tuple([z.string()]).rest(z.number()) }, (text, ...rest) => {
    expectTypeOf(text).toEqualTypeOf<string>();
    expectTypeOf(rest).toEqualTypeOf<number[]>();
    return rest.length;
  });
  expectTypeOf(sum).parameters.toEqualTypeOf<[string, ...number[]]>();
  const made = method({ result: length }, async (n: number) => String(n));
  expectTypeOf(made).toEqualTypeOf<(n: number) => Promise<number>>();
  // @ts-expect-error The schema takes text.
  method({ result: length }, () => 5);
  // @ts-expect-error The schema makes text.
  method({ args: [z.string()] }, (n: number) => n);
  const plain = method({ idempotent: true }, (n: number) => n);
  expectTypeOf(plain).toEqualTypeOf<(n: number) => number>();
});

test('a handler in callback style may be awaited by its callers', () => {
  const api = {
    ask: method({ args: [z.string()], result: length }, (text, cb) => {
      expectTypeOf(text).toEqualTypeOf<string>();
      expectTypeOf(cb).parameters.toEqualTypeOf<[string]>();
      cb(text);
    }),
  };
  const remote = {} as Remote<typeof api>;
  expectTypeOf(remote.ask('?')).resolves.toEqualTypeOf<number>();
  void remote.ask('?', (answer) => expectTypeOf(answer).toEqualTypeOf<number>());
});

class Cart {
  add(sku: string): string {
    return sku;
  }
}

test('methods of classes are marked in place', () => {
  method({ args: [z.string()] }, Cart.prototype.add);
  // @ts-expect-error It takes text.
  method({ args: [z.number()] }, Cart.prototype.add);
});
