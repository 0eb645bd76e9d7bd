// Runs the unit and conformance suites in other runtimes, in worker threads and in a page's Workers, and the packed
// package between them. Ends with one line for all.
//
//   node scripts/runtimes/run.mjs [--short] [--counts=file] [name ...]
//
// --short: the conformance suites and what makes sessions. --counts: where the counts go, as JSON. A name, or the
// beginning of one: of those alone; without any, all.
import { spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromiumPath } from '../chromium.mjs';
import { root } from '../root.mjs';
import { inChromiumWorkers } from './chromium-worker.mjs';
import { installedRuntimes, withoutRuntimes } from './runtimes.mjs';
import { isShort } from './short.mjs';
import { entriesOf, verdict } from './verdict.mjs';

const vitest = join(root, 'node_modules/vitest/vitest.mjs');
/** ms for a runtime: one that hangs is ended, and has failed. */
const limit = 15 * 60_000;

const options = process.argv.slice(2);
const short = options.includes('--short');
const counts = options.find((each) => each.startsWith('--counts='))?.slice('--counts='.length);
const wanted = options.filter((each) => !each.startsWith('--')).map((each) => each.toLowerCase());
const isWanted = (name) =>
  wanted.length === 0 || wanted.some((each) => name.toLowerCase().startsWith(each));

const folder = await mkdtemp(join(tmpdir(), 'dservice-runtimes-'));
const total = { passed: 0, failed: 0, skipped: 0 };
const failures = [];
/** What runs, to be ended with this program. */
const running = new Set();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.once(signal, () => {
    for (const end of running) end();
    process.exit(1);
  });
}

try {
  const src = await testsIn('src');
  const everywhere = src.filter((file) => !file.endsWith('.node.test.ts'));
  await inRuntimes([...src, ...(await testsIn('node'))]);
  await take('Worker threads', () => inWorkerThreads(src));
  await take('Workers in Chromium', () => inWorkers(everywhere));
} finally {
  await rm(folder, { recursive: true, force: true });
}

if (counts !== undefined) await writeFile(counts, JSON.stringify({ ...total, failures }));
for (const line of failures) console.log(shortened(line));
console.log(`runtimes: ${line(total)}`);
process.exitCode = total.failed === 0 ? 0 : 1;

/** Node, Deno and Bun, and the packed package between them. */
async function inRuntimes(files) {
  const missing = withoutRuntimes();
  if (missing !== undefined) {
    console.log(`runtimes: ${missing}`);
    total.skipped += 1;
    return;
  }
  let runtimes;
  try {
    runtimes = installedRuntimes();
  } catch (error) {
    total.failed += 1;
    failures.push(error.message);
    return;
  }
  for (const { name, program, args, env, version } of runtimes) {
    const command = [program, ...args, vitest];
    await take(name, () => inVitest(command, { name, files, version, env, pool: 'forks' }));
  }
  await take('Between runtimes', betweenRuntimes);
}

/** Threads of the Node that runs this. */
function inWorkerThreads(files) {
  const version = { of: 'node', is: process.versions.node };
  // A thread has the flags of its process, and takes none of its own.
  const command = [process.execPath, '--expose-gc', vitest];
  return inVitest(command, { name: 'Worker threads', files, version, env: {}, pool: 'threads' });
}

async function inWorkers(files) {
  if (chromiumPath() === undefined) {
    throw new Error(
      'There is no Chromium: install it (Debian: chromium), or name one with CHROMIUM=/path.',
    );
  }
  const { version, modules } = await inChromiumWorkers(selected(files, 'Workers in Chromium'));
  return { version, outcomes: { modules, errors: [] } };
}

/** The packed package in programs of all runtimes, by the Node that runs this. */
async function betweenRuntimes() {
  const args = ['run', '--project', 'runtimes'];
  return { outcomes: await outcomesOf([process.execPath, vitest, ...args], {}) };
}

/** Files in vitest, itself run by the runtime. */
async function inVitest(command, { name, files, version, env, pool }) {
  const runtime = { ...version, name, pool, include: selected(files, name) };
  const args = ['run', '--config', 'scripts/runtimes/vitest.config.mjs'];
  const outcomes = await outcomesOf([...command, ...args], {
    ...env,
    DSERVICE_RUNTIME: JSON.stringify(runtime),
  });
  return { version: version.is, outcomes };
}

/** Of files, those that are to run, in what has that name. */
function selected(files, name) {
  const never = entriesOf(name).filter((entry) => entry.test === undefined);
  return files.filter(
    (file) => (!short || isShort(file)) && !never.some((each) => each.file === file),
  );
}

/** Runs vitest, and reads what came of each test. Throws an error where it breaks down. */
async function outcomesOf([program, ...args], env) {
  const path = join(folder, `${running.size}-${Date.now()}.json`);
  const reporters = ['reporter.mjs', '../waiting-reporter.mjs'].map(
    (each) => `--reporter=${join(root, 'scripts/runtimes', each)}`,
  );
  const { code, output } = await run(program, [...args, ...reporters], {
    ...env,
    DSERVICE_OUTCOMES: path,
  });
  const text = await readFile(path, 'utf8').catch(() => undefined);
  if (text === undefined) {
    throw new Error(`It broke down (${code}):\n${output.split('\n').slice(-12).join('\n')}`);
  }
  return JSON.parse(text);
}

/** Runs a program to its end, and gives its exit code (null where it was killed) and all that it printed. */
function run(program, args, env) {
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      ...{ cwd: root, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] },
      // With a group of its own, so that what it has started can be ended with it.
      detached: true,
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => (output += text));
    }
    const end = () => {
      if (child.pid === undefined) return;
      try {
        process.kill(-child.pid, 'SIGKILL');
      } catch {
        // They have all ended.
      }
    };
    running.add(end);
    const timer = setTimeout(end, limit);
    const ended = (code) => {
      clearTimeout(timer);
      running.delete(end);
      resolve({ code, output });
    };
    child.once('error', (error) => {
      output += error.message;
      ended(1);
    });
    child.once('close', ended);
  });
}

/** Prints what a part came to, and adds it to the whole. */
async function take(name, begin) {
  if (!isWanted(name)) return;
  const began = performance.now();
  let came;
  try {
    const { version, outcomes } = await begin();
    came = { version, ...verdict(name, outcomes) };
  } catch (error) {
    came = { passed: 0, failures: [String(error.message ?? error)], skipped: new Map() };
  }
  const skipped = [...came.skipped.values()].reduce((sum, each) => sum + each, 0);
  const these = { passed: came.passed, failed: came.failures.length, skipped };
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  const title = came.version === undefined ? name : `${name} (${came.version})`;
  console.log(`runtimes: ${title}: ${line(these)}; ${seconds} s`);
  for (const [reason, count] of came.skipped) console.log(`    ${count} skipped: ${reason}`);
  for (const each of came.failures) failures.push(`${name}: ${each}`);
  for (const key of Object.keys(total)) total[key] += these[key];
}

async function testsIn(part) {
  const files = await readdir(join(root, part), { recursive: true });
  return files
    .filter((file) => file.endsWith('.test.ts') && !file.endsWith('.net.test.ts'))
    .map((file) => `${part}/${file}`)
    .toSorted();
}

function line({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed${skipped === 0 ? '' : `, ${skipped} skipped`}`;
}

function shortened(text) {
  return text
    .split('\n')
    .slice(0, 8)
    .map((each) => each.slice(0, 300))
    .join('\n    ');
}
