import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';

/** What a page may import, and how it is called in the report. */
const pages = [
  {
    name: 'dservice: serve and dial',
    code: `import { serve, dial } from 'dservice'; use(serve, dial);`,
  },
  { name: 'dservice: dial', code: `import { dial } from 'dservice'; use(dial);` },
  { name: 'dservice: everything', code: `import * as all from 'dservice'; use(all);` },
  { name: 'birpc', code: `import * as all from 'birpc'; use(all);` },
  { name: 'capnweb', code: `import * as all from 'capnweb'; use(all);` },
  {
    name: 'dnode-protocol (without the Node modules it needs)',
    code: `import all from 'dnode-protocol'; use(all);`,
  },
];

/** Bytes of each page's code, minified and gzipped: `{ name, bytes }`. */
export function measureSizes() {
  return Promise.all(pages.map(async ({ name, code }) => ({ name, bytes: await weigh(code) })));
}

async function weigh(code) {
  const { outputFiles } = await build({
    stdin: { contents: code, resolveDir: fileURLToPath(new URL('.', import.meta.url)) },
    bundle: true,
    minify: true,
    write: false,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    external: ['events', 'stream', 'util'],
    logLevel: 'error',
  });
  return gzipSync(outputFiles[0].contents, { level: 9 }).length;
}
