// Runs every check and every test, and ends with one line for all: `N passed, N failed[, N skipped]`.
// A check counts as one; of a suite every test counts; a suite that breaks down counts as one failure more.
//
//   node scripts/test.mjs [--whole] [stage ...]     the stages' names, or the beginnings of them; all of them without
//
// --whole: other runtimes run all of their tests, not a part of them.
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { chromiumPath } from './chromium.mjs';
import { withoutEngines } from './engines.mjs';
import { root } from './root.mjs';

const stages = [
  { name: 'setup', node: ['scripts/setup.mjs'] },
  { name: 'build', node: ['scripts/build.mjs'] },
  { name: 'lint', npm: 'lint' },
  { name: 'typecheck', npm: 'typecheck' },
  { name: 'format:check', npm: 'format:check' },
  { name: 'unit', suite: 'node' },
  { name: 'net', suite: 'net' },
  { name: 'apart', suite: 'apart', lacks: withoutChromium },
  { name: 'browser', suite: 'browser', lacks: withoutChromium },
  { name: 'e2e', suite: 'e2e' },
  { name: 'engines', suite: 'engines', lacks: withoutEngines },
  { name: 'runtimes', counted: ['scripts/runtimes/run.mjs'] },
  { name: 'demo', node: ['demo/run.mjs', '--once'] },
  { name: 'package', npm: 'check:package' },
  { name: 'size', npm: 'check:size' },
];

/**
 * What runs after what, and what beside what: in each step every lane at once, and in a lane one stage after the
 * other. Beside others runs what mostly waits, and only what cannot meet them: of the stages whose programs have usual names on
 * this machine's own loopback, no two.
 */
const plan = [
  [['setup', 'build']],
  [['lint', 'typecheck'], ['format:check']],
  [['unit']],
  [
    ['net', 'apart', 'engines', 'runtimes'],
    ['browser', 'e2e', 'demo'],
  ],
  [['package', 'size']],
];

const interrupts = ['SIGINT', 'SIGTERM', 'SIGHUP'];
const whole = process.argv.includes('--whole');
/** ms after which a stage hangs: it is ended, and has failed. The longest takes five minutes on two cores. */
const limit = (whole ? 60 : 12) * 60_000;

const wanted = process.argv.slice(2).filter((each) => each !== '--whole');
const isWanted = (name) => wanted.length === 0 || wanted.some((each) => name.startsWith(each));
const results = await mkdtemp(join(tmpdir(), 'dservice-test-'));
const total = { passed: 0, failed: 0, skipped: 0 };
const broken = [];
/** The lines that say what failed, told once more at the end: of a long log, the end is what is kept. */
const failures = [];
/** Ends what runs, each with what it has started. */
const running = new Set();

// What ends this program from a terminal does not reach other groups by itself.
for (const signal of interrupts) {
  process.once(signal, () => {
    for (const end of running) end(signal);
    process.exit(1);
  });
}

try {
  for (const step of plan) {
    const lanes = step
      .map((lane) => stages.filter(({ name }) => lane.includes(name) && isWanted(name)))
      .filter((lane) => lane.length > 0);
    await Promise.all(lanes.map((lane) => take(lane, lanes.length > 1)));
  }
} finally {
  await rm(results, { recursive: true, force: true });
}

console.log(broken.length === 0 ? '' : `\nfailed: ${broken.join(', ')}`);
for (const line of failures) console.log(line);
const skipped = total.skipped === 0 ? '' : `, ${total.skipped} skipped`;
console.log(`${total.passed} passed, ${total.failed} failed${skipped}`);
process.exitCode = total.failed === 0 ? 0 : 1;

/** Runs stages one after the other. Beside others, what one prints is shown when it has ended. */
async function take(lane, beside) {
  for (const stage of lane) {
    const { name } = stage;
    console.log(beside ? `\n== ${name} begins` : `\n== ${name}`);
    const print = beside ? [] : undefined;
    const began = performance.now();
    const counts = await count(stage, print);
    for (const key of Object.keys(total)) total[key] += counts[key];
    if (counts.failed > 0) broken.push(name);
    if (print !== undefined) console.log(`\n== ${name}\n${print.join('')}`);
    const seconds = ((performance.now() - began) / 1000).toFixed(1);
    console.log(`== ${name}: ${counts.failed === 0 ? 'ok' : 'FAILED'}, ${seconds} s`);
  }
}

function count(stage, print) {
  if (stage.suite !== undefined) return suite(stage, print);
  return stage.counted === undefined ? check(stage, print) : counted(stage, print);
}

/** A program that counts for itself. */
async function counted({ name, counted: program }, print) {
  const output = join(results, `${name}.json`);
  const args = [...program, `--counts=${output}`, ...(whole ? [] : ['--short'])];
  const code = await run(process.execPath, args, print);
  const report = await readFile(output, 'utf8').then(JSON.parse, () => undefined);
  if (report === undefined) return { passed: 0, failed: 1, skipped: 0 };
  failures.push(...report.failures.map((each) => `${name}: ${shortened(each).trim()}`));
  const { passed, failed, skipped } = report;
  return { passed, failed: code !== 0 && failed === 0 ? 1 : failed, skipped };
}

/** A stage that counts as one test. */
async function check({ npm, node }, print) {
  const code = await (npm === undefined ? run(process.execPath, node, print) : runNpm(npm, print));
  return { passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1, skipped: 0 };
}

/** A project of vitest's: every test counts, and so does what breaks outside of tests. */
async function suite({ suite: project, lacks }, print) {
  const reason = lacks?.();
  if (reason !== undefined) {
    failures.push(reason);
    return { passed: 0, failed: 1, skipped: 0 };
  }
  const output = join(results, `${project}.json`);
  const vitest = join(root, 'node_modules/vitest/vitest.mjs');
  const waiting = `--reporter=${join(root, 'scripts/waiting-reporter.mjs')}`;
  const reporters = [
    '--reporter=default',
    waiting,
    '--reporter=json',
    `--outputFile.json=${output}`,
  ];
  const args = [vitest, 'run', '--project', project, ...reporters];
  const code = await run(process.execPath, args, print);
  const report = await readFile(output, 'utf8').then(JSON.parse, () => undefined);
  if (report === undefined) return { passed: 0, failed: 1, skipped: 0 };
  // A file that cannot be loaded has no tests: it fails as a file.
  const unloaded = report.testResults.filter(
    ({ status, assertionResults }) =>
      status === 'failed' && !assertionResults.some((test) => test.status === 'failed'),
  ).length;
  const failed = report.numFailedTests + unloaded;
  for (const file of report.testResults) failures.push(...told(project, file));
  return {
    passed: report.numPassedTests,
    // An unhandled error, or a process that ended, fails the run though every test has passed.
    failed: code !== 0 && failed === 0 ? 1 : failed,
    skipped: report.numPendingTests + report.numTodoTests,
  };
}

/** What failed in a file of tests, each with the first lines of why. */
function told(project, { name, status, message, assertionResults }) {
  if (status !== 'failed') return [];
  const file = `${project}: ${relative(root, name)}`;
  const failed = assertionResults.filter((test) => test.status === 'failed');
  if (failed.length === 0) return [`${file}\n${shortened(message)}`];
  return failed.map((test) => `${file} > ${test.fullName}\n${shortened(test.failureMessages[0])}`);
}

function shortened(text = '') {
  return text
    .split('\n')
    .slice(0, 6)
    .map((line) => `    ${line.slice(0, 300)}`)
    .join('\n');
}

function withoutChromium() {
  if (chromiumPath() !== undefined) return undefined;
  return 'There is no Chromium: install it (Debian: chromium), or name one with CHROMIUM=/path.';
}

function runNpm(script, print) {
  // npm's own program where npm runs this, so that nothing depends on the PATH or on a shell.
  const cli = process.env.npm_execpath;
  const args = ['run', '--silent', script];
  return cli === undefined ? run('npm', args, print) : run(process.execPath, [cli, ...args], print);
}

/**
 * Runs a program; resolves to its exit code, or 1 if it was killed, never began, or hangs. Its output is shown, or
 * added to `print`.
 */
function run(program, args, print) {
  return new Promise((resolve) => {
    const output = print === undefined ? 'inherit' : 'pipe';
    // With a group of its own, so that what it has started can be ended with it.
    const options = { cwd: root, stdio: ['ignore', output, output], detached: true };
    const child = spawn(program, args, options);
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text) => print.push(text));
    }
    const end = (signal) => {
      try {
        process.kill(-child.pid, signal);
      } catch {
        // They have all ended.
      }
    };
    running.add(end);
    const timer = setTimeout(() => {
      failures.push(`${args.join(' ')} did not end within ${limit / 1000} s, and was ended`);
      end('SIGKILL');
    }, limit);
    const ended = (code) => {
      clearTimeout(timer);
      running.delete(end);
      resolve(code);
    };
    child.once('error', (error) => {
      failures.push(String(error));
      ended(1);
    });
    child.once('close', (code) => ended(code ?? 1));
  });
}
