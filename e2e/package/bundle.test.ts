import { build, type BuildOptions, type Metafile } from 'esbuild';
import { describe, expect, inject, it } from 'vitest';
import { node } from '../run.js';

/** Bundles code of a project that has the package installed; gives the bundle and what it is made of. */
async function bundle(
  contents: string,
  options: BuildOptions,
): Promise<{ text: string; meta: Metafile }> {
  const { outputFiles, metafile } = await build({
    stdin: { contents, resolveDir: inject('installed') },
    bundle: true,
    write: false,
    metafile: true,
    logLevel: 'silent',
    ...options,
  });
  return { text: outputFiles?.[0]?.text ?? '', meta: metafile as Metafile };
}

const page = { platform: 'browser', format: 'esm' } as const;

describe('a bundle for the browser', () => {
  it.each([
    [
      'import',
      `import dservice, { serve, dial } from 'dservice'; console.log(dservice, serve, dial);`,
    ],
    ['require', `var dservice = require('dservice'); console.log(dservice, dservice.serve);`],
    ['import of everything', `import * as all from 'dservice'; console.log(all);`],
    ['dservice/calls', `import * as all from 'dservice/calls'; console.log(all);`],
    ['dservice/testing', `import * as all from 'dservice/testing'; console.log(all);`],
  ])('holds nothing of Node (%s)', async (_, contents) => {
    const { text, meta } = await bundle(contents, page);
    expect(text).not.toMatch(/(from|require\(|import\()\s*["']node:/);
    expect(Object.values(meta.outputs).flatMap((output) => output.imports)).toEqual([]);
    expect(Object.keys(meta.inputs).filter((file) => /dist\/node\//.test(file))).toEqual([]);
    expect(Object.keys(meta.inputs).filter((file) => /\/(ws|multicast-dns)\//.test(file))).toEqual(
      [],
    );
  });

  it('leaves out semver where a page only serves and dials', async () => {
    const { meta } = await bundle(
      `import { serve, dial } from 'dservice'; console.log(serve, dial);`,
      { ...page, minify: true },
    );
    const inside = Object.values(meta.outputs).flatMap((output) => Object.entries(output.inputs));
    const semver = inside.filter(([file, { bytesInOutput }]) => {
      return /\/semver\//.test(file) && bytesInOutput > 0;
    });
    expect(semver).toEqual([]);
  });

  it('of a page that only calls leaves out what serves, streams, pipelines and resumes', async () => {
    const only = await bundle(`import { connect } from 'dservice/calls'; console.log(connect);`, {
      ...{ ...page, minify: true },
    });
    const all = await bundle(`import dservice from 'dservice'; console.log(dservice);`, {
      ...{ ...page, minify: true },
    });
    // Of a chunk that both share, only what is used is there.
    expect(only.text.length).toBeLessThan(all.text.length / 4);
    for (const word of ['getReader()', 'traceparent', 'keep":true', '"resumed"']) {
      expect([word, all.text.includes(word)]).toEqual([word, true]);
    }
    for (const word of ['getReader()', 'keep":true', '"resumed"']) {
      expect([word, only.text.includes(word)]).toEqual([word, false]);
    }
  });

  it('leaves everything out of what uses nothing', async () => {
    const { text } = await bundle(`import { serve } from 'dservice'; console.log('hello');`, {
      ...page,
      minify: true,
    });
    expect(text.trim()).toBe('console.log("hello");');
  });
});

it('require gives the function itself in a bundle for Node', async () => {
  const { text } = await bundle(
    `var dservice = require('dservice'); console.log(typeof dservice, typeof dservice.serve);`,
    { platform: 'node', format: 'cjs' },
  );
  const { out, err } = await node('bundle.cjs', text);
  expect(err).toBe('');
  expect(out).toBe('function function\n');
});
