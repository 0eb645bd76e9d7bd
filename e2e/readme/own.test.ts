import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { root } from '../../scripts/root.mjs';
import { type Child, ownName, start } from '../child.js';
import { program } from '../run.js';

let readme = '';

beforeAll(async () => {
  readme = await readFile(join(root, 'README.md'), 'utf8');
});

/** The one example of the README with that in it, its service's name replaced by a test's own. */
function example(mark: string, name?: string, own = ''): string {
  const blocks = [...readme.matchAll(/^```js\n([\s\S]*?)^```$/gm)].map(([, text = '']) => text);
  const found = blocks.filter((text) => text.includes(mark));
  expect(found).toHaveLength(1);
  const [text = ''] = found;
  return name === undefined ? text : text.replaceAll(`'${name}`, `'${own}`);
}

async function runs(text: string): Promise<Child> {
  return start(process.execPath, [await program(`${ownName('readme')}.mjs`, text)]);
}

test('a.mjs and b.mjs', async () => {
  const text = example('// a.mjs', 'greeter', ownName('greeter'));
  const [a = '', b = ''] = text.split(/^\/\/ b\.mjs.*$/m);
  const caller = await runs(b);
  await runs(a);
  expect(await caller.ended).toEqual({ code: 0, signal: null, out: 'HELLO\n', err: '' });
});

test('callbacks, the other way round', async () => {
  const text = example("dservice('clock'", 'clock', ownName('clock'));
  const load = `import dservice from 'dservice';\n`;
  const [service = '', caller = ''] = text.split(/\n\n/);
  await runs(load + service);
  const old = await runs(load + text.slice(text.indexOf('dservice().dnodeFor')));
  const modern = await runs(load + caller);
  // A date, as Node prints one.
  expect((await old.ended).out).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z\n$/);
  expect((await old.ended).err).toBe('');
  // It would go on for ever.
  await modern.says(/^\d+\n\d+\n/);
});

test('telling others', async () => {
  const [store, bills] = [ownName('store'), ownName('bills')];
  const text = example('// who tells', 'store', store).replaceAll(`'bills`, `'${bills}`);
  const load = `import dservice from 'dservice';\n`;
  const [emits = '', listens = ''] = text.split(/^\/\/ who listens.*$/m);
  const both = [await runs(load + listens), await runs(load + listens)];
  await runs(load + emits);
  // Each in turn.
  for (const each of both) await each.says(/^a-1\na-1\n/);
});

test('depending on others', async () => {
  const [shop, stock] = [ownName('shop'), ownName('stock')];
  const text = example("rely('stock", 'shop', shop).replaceAll(`'stock`, `'${stock}`);
  const load = `import dservice from 'dservice';\nconst api = {};\n`;
  const waiting = await runs(`${load}${text}\nconsole.log('up'); await s.stop();`);
  await runs(`${load}dservice('${stock}@1.5.0', api).start();`);
  expect(await waiting.ended).toEqual({ code: 0, signal: null, out: 'up\n', err: '' });
});

test('just the wire', async () => {
  const text = example('import { serve').replace(
    /^await options(.*);$/m,
    'console.log(await options$1);',
  );
  const last = `remote[Symbol.dispose](); await server.close();`;
  const wire = await runs(`const signal = AbortSignal.timeout(20_000);\n${text}\n${last}`);
  expect(await wire.ended).toEqual({ code: 0, signal: null, out: 'HELLO\n', err: '' });
});
