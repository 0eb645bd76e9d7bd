// Runs files of tests in dedicated Workers of a page in Chromium, each in one of its own.
import { createServer } from 'node:http';
import { availableParallelism } from 'node:os';
import { extname } from 'node:path';
import { build } from 'esbuild';
import { chromium } from 'playwright';
import { chromiumFlags, chromiumPath } from '../chromium.mjs';
import { root } from '../root.mjs';

const main = 'scripts/runtimes/in-worker.mjs';

/** ms for a file: one that hangs in a loop has no other limit. */
const limit = 120_000;

/** Runs files, and gives what came of each: `{ version, modules: [{ file, tests, errors }] }`. */
export async function inChromiumWorkers(files) {
  const bundle = await bundled(files);
  const server = createServer((request, response) => {
    const path = new URL(request.url, 'http://localhost').pathname.slice(1);
    const content = path === '' ? '<!doctype html><title>tests</title>' : bundle.get(path);
    const type = extname(path) === '.js' ? 'text/javascript' : 'text/html';
    response.writeHead(content === undefined ? 404 : 200, { 'content-type': type }).end(content);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const browser = await chromium.launch({ executablePath: chromiumPath(), args: chromiumFlags });
  try {
    const page = await browser.newPage();
    await page.goto(`http://127.0.0.1:${server.address().port}/`);
    const modules = [];
    const left = [...files];
    const work = async () => {
      for (let file = left.shift(); file !== undefined; file = left.shift()) {
        const { tests, faults } = await page.evaluate(inPage, { ...job(file), limit });
        modules.push({ file, tests, errors: faults });
      }
    };
    await Promise.all(Array.from({ length: availableParallelism() }, work));
    return { version: browser.version(), modules };
  } finally {
    await browser.close();
    server.close();
  }
}

/** All that is served, by path: each file's code, and what they share. */
async function bundled(files) {
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: [main, ...files],
    outdir: root,
    outbase: root,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    chunkNames: 'chunks/[hash]',
    write: false,
    logLevel: 'warning',
    define: { 'import.meta.env': '{}' },
    plugins: [absent],
  });
  return new Map(outputFiles.map(({ path, text }) => [path.slice(root.length + 1), text]));
}

/** What vitest has for Node, no worker reaches. */
const absent = {
  name: 'absent',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^(node:|vite\/module-runner)/ }, ({ path }) => ({
      path,
      namespace: 'absent',
    }));
    onLoad({ filter: /./, namespace: 'absent' }, () => ({ contents: 'module.exports = {};' }));
  },
};

function job(file) {
  const config = {
    ...{
      root: '',
      name: 'worker',
      setupFiles: [],
      maxConcurrency: 5,
      retry: 0,
      passWithNoTests: true,
    },
    ...{
      testTimeout: 20_000,
      hookTimeout: 20_000,
      expect: {},
      allowOnly: false,
      includeTaskLocation: false,
    },
    ...{
      sequence: { hooks: 'stack', setupFiles: 'list', seed: 1 },
      fakeTimers: {},
      snapshotOptions: {},
    },
    ...{ experimental: {}, tags: [], tagsFilter: undefined, chaiConfig: {}, restoreMocks: false },
  };
  return { file, name: JSON.stringify({ file, config }), main: main.replace(/\.mjs$/, '.js') };
}

/** In the page: one file in a worker. */
function inPage({ name, main: path, limit: ms }) {
  return new Promise((resolve) => {
    const worker = new Worker(`/${path}`, { type: 'module', name });
    const end = (result) => {
      clearTimeout(timer);
      worker.terminate();
      resolve(result);
    };
    const timer = setTimeout(() => end({ tests: [], faults: [`no end within ${ms} ms`] }), ms);
    worker.onmessage = ({ data }) => end(data);
    worker.onerror = (event) => {
      event.preventDefault();
      end({ tests: [], faults: [event.message ?? 'it could not be loaded'] });
    };
  });
}
