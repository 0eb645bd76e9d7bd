// What a page pays: the built package, bundled for a browser, minified and gzipped. Fails above a budget.
//
//   node scripts/size.mjs [--modules]     with what each source file weighs in the first page
import { join, relative } from 'node:path';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { root } from './root.mjs';

/**
 * The page's code, and the bytes it may weigh: what was reached, so that no change adds to it unseen.
 * `aim` is what it should weigh: docs/decisions/page-weight.md.
 */
const budgets = [
  { page: `import { serve, dial } from 'dservice'; use(serve, dial);`, budget: 51_200, aim: 8_000 },
  { page: `import { dial } from 'dservice'; use(dial);`, budget: 49_200, aim: 8_000 },
  // Who only calls, in all.
  {
    page: `import { dial, options } from 'dservice/calls'; use(dial, options);`,
    budget: 15_500,
    aim: 7_000,
  },
  {
    page: `import { connect, options } from 'dservice/calls'; use(connect, options);`,
    budget: 18_100,
    aim: 12_000,
  },
  // Finds and calls by a rendezvous, which matches versions for it. WebRTC is loaded when it is first used.
  { page: `import dservice from 'dservice'; use(dservice);`, budget: 79_900, aim: 12_000 },
  // With what serves requests of `fetch`, which no page has but by name.
  { page: `import * as all from 'dservice'; use(all);`, budget: 104_600 },
  // A pipeline on IndexedDB.
  {
    page: `import { pipeline } from 'dservice/pipeline'; use(pipeline);`,
    budget: 18_900,
    aim: 9_000,
  },
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
    const { outputFiles, metafile } = await bundle(page);
    const first = firstOutputs(metafile);
    const files = outputFiles.filter(({ path }) => first.has(relative(root, path)));
    return files.reduce((sum, { contents }) => sum + gzipSync(contents, { level: 9 }).length, 0);
  } catch (error) {
    console.error(error.message);
    return Number.NaN;
  }
}

/** What a page loads at once: not what it imports when it needs it. */
function firstOutputs({ outputs }) {
  const found = new Set();
  const visit = (path) => {
    if (found.has(path)) return;
    found.add(path);
    for (const { path: next, kind } of outputs[path].imports) {
      if (kind === 'import-statement') visit(next);
    }
  };
  visit(Object.keys(outputs).find((path) => outputs[path].entryPoint !== undefined));
  return found;
}

/** Prints the minified bytes of each source file in a page. */
async function modules(page) {
  const { metafile } = await bundle(page.replace(`'dservice'`, `'./browser/index.ts'`));
  const [first] = firstOutputs(metafile);
  const { inputs } = metafile.outputs[first];
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
    splitting: true,
    outdir: join(root, 'size'),
    metafile: true,
    write: false,
    absWorkingDir: root,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    logLevel: 'silent',
  });
}
