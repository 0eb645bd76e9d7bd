import { expectTypeOf, test } from 'vitest';
import { codec } from './codecs.js';

declare class Money {
  readonly cents: number;
  readonly currency: string;
  constructor(cents: number, currency: string);
}

test('what a codec reads is what it writes', () => {
  codec({
    name: 'money',
    for: Money,
    encode: (it) => [it.cents, it.currency],
    decode: (data) => {
      expectTypeOf(data).toEqualTypeOf<[number, string]>();
      return new Money(...data);
    },
  });
  codec({
    name: 'headers',
    for: Headers,
    encode: (it) => [...it],
    decode: (it) => new Headers(it),
  });
  codec({
    name: 'cents',
    for: Money,
    encode: (it) => it.cents,
    decode: (cents) => {
      expectTypeOf(cents).toEqualTypeOf<number>();
      return new Money(cents, '');
    },
  });
  codec({
    name: 'both',
    for: Money,
    encode: ({ cents, currency }) => ({ cents, currency }),
    // @ts-expect-error There is no such data.
    decode: ({ cents, currently }) => new Money(cents, currently),
  });
});
