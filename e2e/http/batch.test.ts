import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Browser, chromium } from 'playwright';
import { afterAll, beforeAll, expect, inject, onTestFinished, test } from 'vitest';
import { chromiumFlags, chromiumPath } from '../../scripts/chromium.mjs';
import { start } from '../child.js';
import { openSite, type Site } from '../engines/site.js';
import { node, program } from '../run.js';

let site: Site;
let browser: Browser;
beforeAll(async () => {
  const executablePath = chromiumPath();
  [site, browser] = await Promise.all([
    openSite(),
    chromium.launch({ args: chromiumFlags, ...(executablePath && { executablePath }) }),
  ]);
});
afterAll(async () => {
  await browser?.close();
  await site?.close();
});

/** What a page's own code has at hand. */
declare const window: {
  // The package as it is in the page: the test says nothing of its types.
  // oxlint-disable-next-line no-explicit-any
  dservice: any;
};

/** A shop; `origins`: the pages that may call it. Resolves with its address. */
async function shop(origins?: readonly string[]): Promise<string> {
  const text = `
    import dservice, { Exposed } from 'dservice';
    class User extends Exposed {
      constructor(name) { super(); this._name = name; }
      name() { return this._name; }
      orders() { return { latest: () => ({ total: 42, at: new Date(0) }) }; }
    }
    const api = {
      shout: (text) => text.toUpperCase(),
      user: (name) => new User(name),
      users: () => ['ann', 'bo'].map((name) => new User(name)),
      count: async (to, each) => { for (let n = 1; n <= to; n++) each(n); return 'counted'; },
    };
    const origins = JSON.parse(process.argv[2]);
    const service = dservice('shop@1.0.0', api, origins ? { origins } : {});
    await service.start();
    console.log('at ' + service.endpoints.at(-1).replace('tcp:', 'http:'));`;
  const file = await program('batch-shop.mjs', text);
  const child = start(process.execPath, [file, JSON.stringify(origins ?? null)]);
  return (await child.says(/^at http:\S+$/m)).slice('at '.length);
}

async function open() {
  const page = await browser.newPage();
  onTestFinished(() => page.close());
  await page.goto(site.url);
  await page.waitForFunction(() => 'dservice' in globalThis);
  return page;
}

test('a page calls a service without a socket: several calls, one request', async () => {
  const url = await shop();
  const page = await open();
  const requests: string[] = [];
  page.on('request', (request) => {
    if (request.url().startsWith(url)) requests.push(request.method());
  });
  const got = await page.evaluate(async (at) => {
    const remote = window.dservice.batch(at);
    const heard: number[] = [];
    const all = await Promise.all([
      remote.user('ann').orders().latest().total,
      remote.users().map((user: { name(): string }) => user.name()),
      remote.shout(remote.user('bo').name()),
      remote.count(3, (n: number) => void heard.push(n)),
    ]);
    const latest = await remote.user('ann').orders().latest();
    return [...all, heard, latest.at instanceof Date];
  }, url);
  expect(got).toEqual([42, ['ann', 'bo'], 'BO', 'counted', [1, 2, 3], true]);
  expect(requests.filter((method) => method === 'POST')).toHaveLength(2);
});

test('a page has callbacks and streams by events', async () => {
  const url = await shop();
  const page = await open();
  const got = await page.evaluate(async (at) => {
    const { dial, events } = window.dservice;
    const remote = await dial(events(at));
    const heard: number[] = [];
    const counted = await remote.count(3, (n: number) => void heard.push(n));
    const user = await remote.user('ann');
    const name = await user.name();
    remote[Symbol.dispose]();
    return [counted, heard, name];
  }, url);
  expect(got).toEqual(['counted', [1, 2, 3], 'ann']);
});

test('a page of an origin that may not connect gets nothing', async () => {
  const page = await open();
  const url = await shop(['https://shop.example']);
  const error = await page.evaluate(
    (at) =>
      window.dservice
        .batch(at)
        .shout('x')
        .catch((e: { code: string; mayHaveRun: boolean }) => [e.code, e.mayHaveRun]),
    url,
  );
  // A page is not told why.
  expect(error).toEqual(['ERR_CONNECTION_LOST', true]);
});

test('a program of Node, and curl by hand', async () => {
  const url = await shop();
  const { out } = await node(
    'batch-caller.mjs',
    `import { batch } from 'dservice';
     const remote = batch('${url}');
     console.log(await remote.user('ann').orders().latest().total);`,
  );
  expect(out).toBe('42\n');
  const file = join(inject('installed'), 'batch.json');
  const calls = [
    { method: 'user', arguments: ['ann'], reply: 1, keep: true },
    { on: 1, method: ['name'], arguments: [], reply: 2 },
  ];
  await writeFile(file, JSON.stringify(calls, undefined, 2));
  const json = ['-H', 'content-type: application/json'];
  const run = promisify(execFile);
  const { stdout } = await run('curl', ['-s', ...json, '-d', `@${file}`, `${url}/dnode`]);
  expect(JSON.parse(stdout)).toContainEqual({ method: 2, arguments: [null, 'ann'] });
});
