// What a page pays: the built package, bundled for a browser, minified and gzipped. Fails above a budget.
//
//   node scripts/size.mjs [--modules]     with what each source file weighs in the first page
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { root } from './root.mjs';

/**
 * The page's code, and the bytes it may weigh: what was reached, so that no change adds to it unseen.
 * `aim` is what it should weigh: docs/decisions/page-weight.md.
 */
const budgets = [
  { page: `import { serve, dial } from 'dservice'; use(serve, dial);`, budget: 18_400, aim: 8_000 },
  { page: `import { dial } from 'dservice'; use(dial);`, budget: 17_900, aim: 8_000 },
  // With npm's semver; a page whose rendezvous matches versions for it will carry none.
  { page: `import dservice from 'dservice'; use(dservice);`, budget: 35_000 },
  { page: `import * as all from 'dservice'; use(all);`, budget: 36_500 },
];

let good = true;
for (const { page, budget, aim } of budgets) {
  const bytes = await weigh(page);
  const verdict = bytes <= budget ? 'ok' : 'TOO HEAVY';
  console.log(
    `${String(bytes).padStart(6)} of ${budget} bytes: ${verdict}: ${page}${aim ? ` (the aim: ${aim})` : ''}`,
  );
  good &&= bytes <= budget;
}
if (process.argv.includes('--modules')) await modules(budgets[0].page);
process.exitCode = good ? 0 : 1;

/** The page's bytes, gzipped; not a number if it cannot be bundled. */
async function weigh(page) {
  try {
    const { outputFiles } = await bundle(page);
    return gzipSync(outputFiles[0].contents, { level: 9 }).length;
  } catch (error) {
    console.error(error.message);
    return Number.NaN;
  }
}

/** Prints the minified bytes of each source file in a page. */
async function modules(page) {
  const { metafile } = await bundle(page.replace(`'dservice'`, `'./browser/index.ts'`));
  const [{ inputs }] = Object.values(metafile.outputs);
  const sizes = Object.entries(inputs).map(([file, { bytesInOutput }]) => [bytesInOutput, file]);
  for (const [bytes, file] of sizes.sort(([a], [b]) => b - a)) {
    console.log(`${String(bytes).padStart(6)} ${file}`);
  }
}

function bundle(page) {
  return build({
    stdin: { contents: page, resolveDir: root },
    bundle: true,
    minify: true,
    metafile: true,
    write: false,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    logLevel: 'silent',
  });
}
