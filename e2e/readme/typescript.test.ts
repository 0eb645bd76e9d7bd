import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, inject, test } from 'vitest';
import { root } from '../../scripts/root.mjs';
import { ownName, start } from '../child.js';
import { run } from '../run.js';

const service = (name: string, load: string): string => `
${load}
export const api = {
  shout: (s: string) => s.toUpperCase(),
  later: async (at: Date) => new Date(at.getTime() + 1000),
  classic: function (a: number, cb: (sum: number) => void) {
    cb(a + 1);
  },
};
export type Api = typeof api;
if (process.argv[2] === 'serve') void dservice('${name}@1.2.0', api).start();
`;

const caller = (name: string, load: string): string => `
${load}
async function main(): Promise<void> {
  const remote = await dservice().connect<Api>('${name}@^1');
  const loud: string = await remote.shout('hello');
  const later: Date = await remote.later(new Date(0));
  const sum: number = await remote.classic(41);
  // @ts-expect-error A number is no text.
  remote.shout(1).catch(() => {});
  // @ts-expect-error There is no such method.
  remote.whisper('hello').catch(() => {});
  console.log(loud, later.getTime(), sum);
  dservice().dnodeFor<Api>('${name}', (err, again, d) => {
    if (err !== null || again === undefined || d === undefined) throw err;
    void again.classic(1, (two: number) => {
      console.log(two);
      d.end();
    });
  });
}
void main();
`;

test.each([
  ['ESM', 'mts', 'mjs', `import dservice from 'dservice';`],
  ['CommonJS', 'cts', 'cjs', `import dservice = require('dservice');`],
])('TypeScript, checked and run: %s', async (kind, ending, built, load) => {
  const name = ownName('greeter');
  const folder = join(inject('installed'), `readme-${kind}`);
  await mkdir(folder);
  const compilerOptions = {
    ...{ target: 'es2022', strict: true, module: 'node16', moduleResolution: 'node16' },
    ...{ lib: ['ES2023'], types: ['node'] },
  };
  const files = [`service.${ending}`, `caller.${ending}`];
  const types = `import type { Api } from './service.${built}';`;
  await writeFile(join(folder, `service.${ending}`), service(name, load));
  await writeFile(join(folder, `caller.${ending}`), caller(name, `${load}\n${types}`));
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files }));
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  expect(await run(process.execPath, tsc, '-p', folder)).toMatchObject({ code: 0, out: '' });

  const calling = start(process.execPath, [join(folder, `caller.${built}`)]);
  start(process.execPath, [join(folder, `service.${built}`), 'serve']);
  expect(await calling.ended).toEqual({
    code: 0,
    signal: null,
    out: 'HELLO 1000 42\n2\n',
    err: '',
  });
});
