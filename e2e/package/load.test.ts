import { describe, expect, inject, it } from 'vitest';
import { node, run } from '../run.js';
import { publicNames } from './public.js';

const entries = Object.entries(publicNames);

describe('import', () => {
  it.each(entries)('%s has the names that are written down', async (entry, names) => {
    const { out, err } = await node(
      'names.mjs',
      `import * as all from '${entry}'; console.log(JSON.stringify(Object.keys(all).sort()));`,
    );
    expect(err).toBe('');
    expect(JSON.parse(out)).toEqual([...names].sort());
  });

  it('of a page is the same as of dservice/browser', async () => {
    const { out } = await run(
      process.execPath,
      '--conditions=browser',
      '--input-type=module',
      '--eval',
      `import { serve } from 'dservice'; import * as page from 'dservice/browser'; console.log(serve === page.serve);`,
    );
    // Node has the condition `node` as well, and `browser` comes first.
    expect(out).toBe('true\n');
  });

  it('leaves nothing running', async () => {
    const { code, out } = await node(
      'leave.mjs',
      `import 'dservice'; import 'dservice/dnode'; import 'dservice/pipeline';`,
    );
    expect({ code, out }).toEqual({ code: 0, out: '' });
  });
});

describe('require', () => {
  it('gives the function itself, with the named exports on it, and without a warning', async () => {
    const { out, err } = await node(
      'require.cjs',
      `var dservice = require('dservice');
       console.log(typeof dservice, typeof dservice.serve, dservice.default === dservice);`,
    );
    expect(err).toBe('');
    expect(out).toBe('function function true\n');
  });

  it('gives the very same things as import', async () => {
    const { out } = await node(
      'same.mjs',
      `import { createRequire } from 'node:module';
       import dservice, { DserviceError } from 'dservice';
       import dnode from 'dservice/dnode';
       import { DserviceError as PipelineError, pipeline } from 'dservice/pipeline';
       const require = createRequire(import.meta.url);
       console.log(
         require('dservice') === dservice,
         require('dservice').DserviceError === DserviceError,
         require('dservice/node') === dservice,
         require('dservice/dnode') === dnode,
         require('dservice/pipeline').pipeline === pipeline,
         DserviceError === PipelineError,
       );`,
    );
    expect(out).toBe('true true true true true true\n');
  });

  it('of dservice/dnode gives the function itself', async () => {
    const { out } = await node(
      'dnode.cjs',
      `var dnode = require('dservice/dnode'); console.log(typeof dnode, typeof dnode.connect);`,
    );
    expect(out).toBe('function function\n');
  });

  it('of dservice/testing gives its names', async () => {
    const { out } = await node(
      'testing.cjs',
      `console.log(JSON.stringify(Object.keys(require('dservice/testing')).sort()));`,
    );
    expect(JSON.parse(out)).toEqual([...(publicNames['dservice/testing'] ?? [])].sort());
  });

  it('refuses what is not exported', async () => {
    const { code, err } = await node('inside.cjs', `require('dservice/dist/node/index.js')`);
    expect(code).not.toBe(0);
    expect(err).toContain('ERR_PACKAGE_PATH_NOT_EXPORTED');
  });
});

it('npx finds the command', async () => {
  const { code, out, err } = await run('npx', '--no-install', 'dservice', '--help');
  expect(err.replace(/^npm warn .*\n/gm, '')).toBe('');
  expect(out).toContain('dservice');
  expect(code).toBe(0);
});

it('the tarball has what belongs there, and nothing else', () => {
  const packed = inject('packed');
  expect(packed).toEqual(
    expect.arrayContaining(['package.json', 'LICENSE', 'README.md', 'CHANGELOG.md']),
  );
  const stray = packed.filter(
    (file) =>
      !/^(package\.json|LICENSE|README\.md|CHANGELOG\.md)$/.test(file) &&
      !/^dist\/(node|browser|src|chunks)\/[\w/.-]+(\.js|\.js\.map|\.cjs|\.d\.ts|\.d\.cts)$/.test(
        file,
      ),
  );
  expect(stray).toEqual([]);
  expect(packed.filter((file) => /\.test[.-]/.test(file))).toEqual([]);
});
