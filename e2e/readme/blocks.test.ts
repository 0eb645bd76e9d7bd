import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, inject, test } from 'vitest';
import { root } from '../../scripts/root.mjs';
import { run } from '../run.js';
import { type Block, blocksOfPages, programsOf } from './blocks.js';
import { given } from './given.js';

/** What a reader installs for some examples. */
const beside = ['@opentelemetry/api', '@opentelemetry/sdk-trace-node', 'zod'];

const shared = {
  ...{ target: 'es2022', module: 'esnext', moduleResolution: 'bundler', noEmit: true },
  // Examples are JavaScript: what needs types to be written down is not asked of them.
  ...{ strict: true, noImplicitAny: false, noImplicitThis: false },
  ...{ useUnknownInCatchVariables: false, strictFunctionTypes: false, skipLibCheck: true },
  lib: ['ES2023', 'ESNext.Disposable', 'DOM', 'DOM.Iterable'],
};

let folder = '';
let blocks: Block[] = [];

beforeAll(async () => {
  folder = join(inject('installed'), 'blocks');
  blocks = await blocksOfPages();
  await mkdir(join(folder, 'node_modules/@opentelemetry'), { recursive: true });
  for (const name of beside) {
    await symlink(join(root, 'node_modules', name), join(folder, 'node_modules', name));
  }
  for (const { file, text } of blocks) await writeFile(join(folder, file), text);
  await writeFile(join(folder, 'given.d.ts'), given);
});

/** What tsc says of each file, in a program of that kind. */
async function faults(name: string, options: object): Promise<Map<string, string>> {
  const config = { compilerOptions: { ...shared, ...options }, include: ['*.ts'] };
  await writeFile(join(folder, name), JSON.stringify(config));
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  const { out } = await run(process.execPath, tsc, '-p', join(folder, name), '--pretty', 'false');
  const found = new Map<string, string>();
  for (const text of out.split(/^(?=\S)/m).filter((line) => line !== '')) {
    const file = /([\w.-]+)\(\d+,\d+\)/.exec(text)?.[1] ?? name;
    found.set(file, (found.get(file) ?? '') + text);
  }
  return found;
}

test('every program of the pages is right in Node or in a page', async () => {
  expect(blocks.length).toBeGreaterThan(40);
  const node = await faults('node.json', { types: ['node'] });
  const page = await faults('page.json', { types: [], customConditions: ['browser'] });
  const all = [...new Set([...node.keys(), ...page.keys()])];
  const wrong = all.filter((file) => node.has(file) && page.has(file));
  expect(wrong.map((file) => `${node.get(file)}${page.get(file)}`).join('\n')).toBe('');
});

test.each([
  ['docs/coming-from.md', 5],
  ['docs/remotes.md', 1],
])('what the programs of %s print is what they say', async (page, count) => {
  const all = await programsOf(page);
  const programs = all.filter(({ prints }) => prints !== '');
  expect(programs).toHaveLength(count);
  await Promise.all(
    programs.map(async ({ text, prints }, i) => {
      const file = join(folder, `program-${i}-${count}.mjs`);
      await writeFile(file, text);
      const { code, out, err } = await run(process.execPath, file);
      const printed = out.trim().replaceAll('\n', ' ');
      expect({ code, printed, err }).toEqual({ code: 0, printed: prints, err: '' });
    }),
  );
});
