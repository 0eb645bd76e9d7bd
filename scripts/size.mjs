// What a page pays: the built package, bundled for a browser, minified and gzipped. Fails above a budget.
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { root } from './root.mjs';

/** The page's code, and the bytes it may weigh. */
const budgets = [
  { page: `import { serve, dial } from 'dservice'; use(serve, dial);`, budget: 8_000 },
  { page: `import { dial } from 'dservice'; use(dial);`, budget: 8_000 },
  { page: `import dservice from 'dservice'; use(dservice);`, budget: 12_000 },
  { page: `import * as all from 'dservice'; use(all);`, budget: 16_000 },
];

let heavy = false;
for (const { page, budget } of budgets) {
  const bytes = await weigh(page);
  const verdict = bytes > budget ? 'TOO HEAVY' : 'ok';
  console.log(`${String(bytes).padStart(6)} of ${budget} bytes  ${verdict}  ${page}`);
  heavy ||= bytes > budget;
}
process.exitCode = heavy ? 1 : 0;

async function weigh(page) {
  const { outputFiles } = await build({
    stdin: { contents: page, resolveDir: root },
    bundle: true,
    minify: true,
    write: false,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    logLevel: 'warning',
  });
  return gzipSync(outputFiles[0].contents, { level: 9 }).length;
}
