// Builds dist/: JavaScript by esbuild, declarations by tsc, and the CommonJS files that hand over the default export.
//
//   node scripts/build.mjs [--quiet]
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { build } from 'esbuild';
import { commonJs } from './cjs.mjs';
import { root } from './root.mjs';

/** What the package is entered by. `require`: it has a CommonJS file too. `bin`: it is a program. */
const entries = [
  { file: 'node/index', require: true },
  { file: 'node/dnode/index', require: true },
  { file: 'node/calls', require: true },
  { file: 'node/cli/main', bin: true },
  { file: 'node/pipeline', require: true },
  { file: 'browser/index', require: true },
  { file: 'browser/calls', require: true },
  { file: 'browser/pipeline', require: true },
  { file: 'src/testing/index', require: true },
  { file: 'src/service/opentelemetry', require: true },
  // No entry, but a file of its own: semver does not say that it has no side effects, so that whoever bundles the
  // file that imports it carries semver.
  { file: 'src/service/range' },
];

const quiet = process.argv.includes('--quiet');
const began = performance.now();
// Made beside dist/, and put in its place when all is there: who reads dist/ meanwhile finds it whole.
const next = join(root, `.dist-${process.pid}`);

try {
  await mkdir(next, { recursive: true });
  const [declared, bundled] = await Promise.all([declare(), bundle()]);
  if (bundled) {
    await dropUnreached();
    await Promise.all(entries.map(finish));
    await replaceDist();
    if (!quiet) console.log(`build: dist/ in ${Math.round(performance.now() - began)} ms`);
  }
  // What has faults in its types alone is there to be tried, and fails all the same.
  if (!declared || !bundled) process.exitCode = 1;
} finally {
  await rm(next, { recursive: true, force: true });
}

// One build for all entries, so that they share their code: one class of errors, whatever is imported.
// Whether it could be done; esbuild says what is wrong.
async function bundle() {
  const options = {
    absWorkingDir: root,
    entryPoints: entries.map(({ file }) => `${file}.ts`),
    outdir: next,
    outbase: root,
    bundle: true,
    splitting: true,
    chunkNames: 'chunks/[name]-[hash]',
    format: 'esm',
    platform: 'neutral',
    packages: 'external',
    external: ['node:*'],
    target: ['es2022', 'node20.19'],
    sourcemap: true,
    legalComments: 'none',
    logLevel: 'warning',
  };
  return build(options).then(
    () => true,
    () => false,
  );
}

/** Writes the declarations; whether the types are right. The compiler says what is wrong. */
function declare() {
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  const args = [tsc, '-p', 'tsconfig.build.json', '--outDir', next];
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { cwd: root, stdio: 'inherit' });
    child.once('error', reject);
    child.once('exit', (code) => resolve(code === 0));
  });
}

/** Removes the declarations that no entry's lead to: they are nobody's business. */
async function dropUnreached() {
  const reached = new Set();
  const visit = async (path) => {
    if (reached.has(path)) return;
    reached.add(path);
    const text = await readFile(path, 'utf8');
    for (const [, from] of text.matchAll(/(?:from |import\()['"](\.[^'"]+)\.js['"]/g)) {
      await visit(join(dirname(path), `${from}.d.ts`));
    }
  };
  for (const { file } of entries.filter((entry) => entry.require)) {
    await visit(join(next, `${file}.d.ts`));
  }
  for (const file of await readdir(next, { recursive: true })) {
    const path = join(next, file);
    if (file.endsWith('.d.ts') && !reached.has(path)) await rm(path);
  }
}

async function finish({ file, require, bin }) {
  const path = join(next, file);
  if (bin) await chmod(`${path}.js`, 0o755);
  if (!require) return;
  const { module, declaration } = await commonJs(`${path}.d.ts`);
  await writeFile(`${path}.cjs`, module);
  await writeFile(`${path}.d.cts`, declaration);
}

async function replaceDist() {
  const dist = join(root, 'dist');
  const last = `${next}-last`;
  if (existsSync(dist)) await rename(dist, last);
  await rename(next, dist);
  await rm(last, { recursive: true, force: true });
}
