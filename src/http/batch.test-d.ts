import { expectTypeOf, test } from 'vitest';
import type { Batched } from './batch.js';

interface Shop {
  shout(text: string): string;
  admin: { reset(): Date };
}

test('a batch is a remote, at once', () => {
  const shop = {} as Batched<Shop>;
  expectTypeOf(shop.shout('a')).resolves.toEqualTypeOf<string>();
  void shop.shout(shop.shout('a'));
  expectTypeOf(shop.admin.reset()).resolves.toEqualTypeOf<Date>();
  expectTypeOf(shop[Symbol.dispose]).toBeFunction();
  // @ts-expect-error It takes text.
  void shop.shout(5);
});
