import { cp, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, inject, onTestFinished, test } from 'vitest';
import { root } from '../../scripts/root.mjs';
import { start } from '../child.js';

const run = join('demo', 'run.mjs');

/** What has to be there; what several programs say at once comes in any order. */
function expectStory(out: string): void {
  const order = [
    /^ +welcome │ is waiting$/m,
    /^ +Now comes greeter/m,
    /^ +caller │ hears: WELCOME, ADA!$/m,
    /^ +A client made with the original dnode/m,
    /^ +dnode │ hears: DNODE IS AT HOME HERE!$/m,
    /^ +All of them found each other\. It took [\d.]+ s\.$/m,
  ];
  const meanwhile = [
    /^ +greeter │ serves at tcp:\/\/127\.0\.0\.1:\d+$/m,
    /^ +welcome │ is up$/m,
    /^caller-2013 │ hears: CALLBACKS ARE WELCOME!$/m,
  ];
  for (const line of [...order, ...meanwhile]) expect(out).toMatch(line);
  const places = order.map((line) => out.search(line));
  expect(places).toEqual(places.toSorted((a, b) => a - b));
}

/** Arguments of `env`: the demo, once and without its page. */
const briefly = ['CHROMIUM=/none', process.execPath, run, '--once'];

test('npm run demo -- --once', { timeout: 120_000 }, async () => {
  const { code, out, err } = await start('npm', ['run', 'demo', '--', '--once'], { cwd: root })
    .ended;
  expect(err.replace(/^npm warn .*\n/gm, '')).toBe('');
  expectStory(out);
  const tab = 'tab-[0-9a-f]{4}';
  for (const line of [
    /^ +rendezvous │ the page is at http:\/\/127\.0\.0\.1:\d+\/$/m,
    new RegExp(`^ +${tab} │ calls greeter, relayed, and hears: HELLO FROM A TAB!$`, 'm'),
    new RegExp(`^ +${tab} │ calls ${tab}, .*, and hears: shown in ${tab}$`, 'm'),
    new RegExp(`^ +${tab} │ shows: hello from ${tab}$`, 'm'),
    new RegExp(`^ +terminal │ shown in ${tab}$`, 'm'),
    new RegExp(`^ +${tab} │ shows: hi$`, 'm'),
  ]) {
    expect(out).toMatch(line);
  }
  expect(out).toMatch(/npm run demo -- pipeline$/m);
  expect(code).toBe(0);
});

test('npm run demo -- pipeline: workers are killed, and the account adds up', async () => {
  const { code, out, err } = await start(process.execPath, [run, 'pipeline', '--once'], {
    cwd: root,
  }).ended;
  expect({ code, err }, out).toEqual({ code: 0, err: '' });
  expect(out.match(/^ +kill -9: worker-\d is gone/gm)).toHaveLength(4);
  expect(out.match(/^ +worker-\d │ works, as process \d+$/gm)).toHaveLength(7);
  // In a pipe, a line of numbers now and then, and nothing is drawn.
  expect(out).toMatch(/^ +queues │ resolve \d+, store \d+, in work \d+, waiting \d+, dead \d+,/m);
  expect(out).not.toContain('\u001b');
  const [, finished, dead] = /^ +300 pushed = (\d+) finished \+ (\d+) dead$/m.exec(out) ?? [];
  expect(Number(finished) + Number(dead)).toBe(300);
  // Those that nobody has; and who was killed too often, if anybody was.
  expect(Number(dead)).toBeGreaterThanOrEqual(20);
  const [, stored] = /^ +(\d+) stored, \d+ of them more than once/m.exec(out) ?? [];
  expect(Number(stored)).toBeGreaterThanOrEqual(Number(finished));
  expect(out).toMatch(/^ +terminal │ {3}ENOTFOUND: getaddrinfo ENOTFOUND nobody\.\.home$/m);
  expect(out).toMatch(/^ +Nothing was lost\. It took [\d.]+ s\.$/m);
});

test('Ctrl-C ends the workers, too, and leaves no folder', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'dservice-e2e-demo-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const args = [`TMPDIR=${folder}`, process.execPath, run, 'pipeline'];
  const demo = start('env', args, { cwd: root });
  await demo.says('kill -9');
  demo.kill('SIGINT');
  // The end comes when the workers' output is closed, too: none is left.
  expect(await demo.ended).toMatchObject({ code: 130, err: '' });
  expect(await readdir(folder)).toEqual([]);
});

test('there is no other demo', async () => {
  const { code, err } = await start(process.execPath, [run, 'pipelines'], { cwd: root }).ended;
  expect({ code, err }).toEqual({
    code: 2,
    err: 'There is no demo pipelines: npm run demo, npm run demo -- pipeline\n',
  });
});

test('without a Chromium the page is left out, and it is said why', async () => {
  const { code, out, err } = await start('env', briefly, { cwd: root }).ended;
  expect({ code, err }).toEqual({ code: 0, err: '' });
  expect(out).toMatch(/^ +The part with a page is left out: \/none could not be started: .+$/m);
  expectStory(out);
});

test('two at once', async () => {
  const demos = [1, 2].map(() => start('env', briefly, { cwd: root }));
  for (const demo of demos) {
    const { code, out, err } = await demo.ended;
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toContain('All of them found each other');
  }
});

test('Ctrl-C ends it and what it started', async () => {
  const demo = start(process.execPath, [run], { cwd: root });
  await demo.says('looks for');
  demo.kill('SIGINT');
  // The end comes when the programs' output is closed, too: none is left.
  const { code, out } = await demo.ended;
  expect(code).toBe(130);
  expect(out).toContain('The demo failed: it was interrupted\n');
});

test('a program that fails is named, with its reason', async () => {
  // The copy finds the installed package by its name.
  const folder = join(inject('installed'), 'demo');
  await cp(join(root, 'demo'), folder, { recursive: true });
  await writeFile(join(folder, 'greeter.mjs'), `throw new Error('out of order');`);
  const { code, out } = await start(process.execPath, [join(folder, 'run.mjs')]).ended;
  expect(code).toBe(1);
  expect(out).toContain('The demo failed: greeter ended with 1: out of order\n');
});
