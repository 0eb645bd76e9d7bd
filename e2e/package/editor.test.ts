import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, inject, it, onTestFinished } from 'vitest';
import { LanguageServer } from './language-server.js';

const service = `
import { Exposed, method } from 'dservice';

export class Cart extends Exposed.with('note') {
  note = '';
  add(sku: string): number { return sku.length; }
}

export const api = {
  cart: (user: string) => new Cart(),
  Cart,
  admin: { stop(): void {} },
  find: method({ idempotent: true }, (id: number) => ({ id, total: 5 })),
};

export interface Stock {
  count(sku: string): Promise<number>;
  count(): Promise<number[]>;
}
`;

const caller = `
import dservice, { dial } from 'dservice';
import type { api, Stock } from './service.js';

const remote = await dial<typeof api>('tcp://127.0.0.1:5004');
const stock = await dservice().connect<Stock>('stock@^1');
await remote.admin.stop();
const cart = await remote.cart('ann');
cart.note = 'soon';
console.log(await cart.add('a'), await remote.cart('bob').add('b'), await new remote.Cart().note);
console.log((await remote.find(7)).total, await remote.find(7).total);
console.log(await stock.count('a'));
`;

it('an editor goes from a call to the method that serves it', async () => {
  const folder = join(inject('installed'), 'editor');
  mkdirSync(folder);
  const compilerOptions = {
    ...{ target: 'es2022', module: 'node16', strict: true, lib: ['ES2023', 'DOM'], types: [] },
  };
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions }));
  writeFileSync(join(folder, 'service.ts'), service);
  writeFileSync(join(folder, 'caller.ts'), caller);
  const server = new LanguageServer(folder);
  onTestFinished(() => server.close());
  await server.open('caller.ts');
  const at = (phrase: string, word: string) => server.definition('caller.ts', phrase, word);
  expect(await at('remote.admin.stop', 'stop')).toEqual(['admin: { stop(): void {} },']);
  const made = 'cart: (user: string) => new Cart(),';
  expect(await at("remote.cart('ann')", 'cart')).toEqual([made]);
  const add = 'add(sku: string): number { return sku.length; }';
  expect(await at("cart.add('a')", 'add')).toEqual([add]);
  expect(await at("remote.cart('bob').add", 'add')).toEqual([add]);
  expect(await at("cart.note = 'soon'", 'note')).toEqual(["note = '';"]);
  expect(await at('new remote.Cart().note', 'Cart')).toContain('Cart,');
  expect(await at('new remote.Cart().note', 'note')).toEqual(["note = '';"]);
  expect(await at('remote.find(7)).total', 'find')).toEqual([
    'find: method({ idempotent: true }, (id: number) => ({ id, total: 5 })),',
  ]);
  expect(await at('remote.find(7).total', 'total')).toEqual([
    'find: method({ idempotent: true }, (id: number) => ({ id, total: 5 })),',
  ]);
  expect(await at("stock.count('a')", 'count')).toEqual([
    'count(sku: string): Promise<number>;',
    'count(): Promise<number[]>;',
  ]);
});
