import { join } from 'node:path';
import type { Browser } from 'playwright';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { root } from '../../scripts/root.mjs';
import { start } from '../child.js';
import { Demo, launch, Visitor } from './visit.js';

let demo: Demo;
let browser: Browser;
let url: string;
let a: Visitor;
let b: Visitor;
let ids: { a: string; b: string };

beforeAll(async () => {
  demo = new Demo();
  [url, browser] = await Promise.all([demo.url(), launch()]);
  [a, b] = await Promise.all([Visitor.open(browser, url), Visitor.open(browser, url)]);
  ids = { a: await a.id(), b: await b.id() };
});
afterAll(async () => {
  await browser?.close();
  await demo?.end();
});

test('a tab sees the programs and the other tab, and how each is reached', async () => {
  for (const name of ['greeter', 'welcome', 'clock', 'samples']) {
    const row = a.link(demo.id(name));
    await row.locator('.badge.relay, .badge.direct').waitFor();
    await row.locator('.round-trip', { hasText: /\d ms$/ }).waitFor();
  }
  const other = a.link(ids.b);
  // Whether there is a direct way is the browser's and the network's.
  await other.locator('.badge', { hasText: /^(relayed|direct, WebRTC)$/ }).waitFor();
  await other.locator('.round-trip', { hasText: / m?s$/ }).waitFor();
  await a.link(ids.a).locator('.badge', { hasText: 'this tab' }).waitFor();
});

test('a tab calls the other one by the keyboard alone', async () => {
  await b.page.locator('body').focus();
  await b.tabTo(b.link(ids.a));
  await b.page.keyboard.press('Enter');
  const heading = b.page.locator('.detail h2', { hasText: a.name });
  await expect.poll(() => heading.evaluate((it) => it === document.activeElement)).toBe(true);
  await b.tabTo(b.method('alert').getByRole('textbox'));
  await b.page.keyboard.type('hello from over there');
  await b.page.keyboard.press('Enter');
  await b.method('alert').getByText(`shown in ${a.name}`).waitFor();

  const toast = a.page.locator('.toast', { hasText: 'hello from over there' });
  await toast.getByText(/^a page of 127\.0\.0\.1:\d+, (relayed|directly)$/).waitFor();
  await a.tabTo(toast.getByRole('button', { name: 'Dismiss' }));
  await a.page.keyboard.press('Escape');
  await toast.waitFor({ state: 'detached' });

  // And back to where it came from.
  await b.page.keyboard.press('Escape');
  await expect.poll(() => b.link(ids.a).evaluate((it) => it === document.activeElement)).toBe(true);
});

test('a terminal reaches a tab, and hears what its visitor answers', async () => {
  const cli = (...args: string[]): ReturnType<typeof start> =>
    start(process.execPath, [join('dist', 'node', 'cli', 'main.js'), 'call', a.name, ...args], {
      cwd: root,
    });
  expect(await cli('alert', 'hi').ended).toMatchObject({ code: 0, out: `shown in ${a.name}\n` });
  await a.page.locator('.toast-text').getByText('hi', { exact: true }).waitFor();

  const asking = cli('ask', 'Coffee', 'or', 'tea?');
  const question = a.page.locator('.toast', { hasText: 'Coffee or tea?' });
  await question.getByRole('textbox', { name: 'Your answer' }).fill('tea');
  await a.page.keyboard.press('Enter');
  expect(await asking.ended).toMatchObject({ code: 0, out: 'tea\n' });
});

test('outcomes are shown as what they are, and errors with what they say', async () => {
  await a.go(demo.id('samples'));
  const values = await a.call('values');
  for (const text of ['Map of 2', 'Set of 2', 'Uint8Array, 11 bytes', '/^tab-[0-9a-f]+$/i', '-0']) {
    await values.getByText(text, { exact: true }).waitFor();
  }
  await values.locator('time').waitFor();
  expect(await (await a.call('stock.shelf.label', '7')).textContent()).toBe('Shelf 7');
  expect(await (await a.call('echo', '[1, {"a": null}]')).textContent()).toContain('list of 2');
  const failed = await a.call('fail', '"out of pears"');
  expect(await failed.textContent()).toMatch(/^E_SAMPLE out of pears/);
  const many = await a.call('many', '5000');
  await many.getByRole('button', { name: 'Show 200 more of 5,000 entries' }).click();
  expect(await many.locator('dt').count()).toBe(250);
});

test('what others send stays text', async () => {
  await a.go(demo.id('samples'));
  const outcome = await a.call(
    'echo',
    `'<img src=x onerror="document.title=1">' '{"<b>": "\\u202e"}'`,
  );
  expect(await outcome.textContent()).toContain('<img src=x onerror="document.title=1">');
  expect(await outcome.textContent()).toContain(String.raw`"\u202e"`);
  expect(await outcome.locator('img, b').count()).toBe(0);
});

test('arguments that cannot be read are told of, and nothing is called', async () => {
  await a.go(demo.id('samples'));
  const echo = a.method('echo');
  const before = await echo.locator('.call').count();
  await echo.getByRole('textbox').fill('{"never": "closed"');
  await echo.getByRole('textbox').press('Enter');
  await echo.getByText('A bracket ({) is opened and never closed.').waitFor();
  expect(await echo.getByRole('textbox').getAttribute('aria-invalid')).toBe('true');
  expect(await echo.locator('.call').count()).toBe(before);
});

test('a method that never answers is given up, in time or by the visitor', async () => {
  await a.go(demo.id('samples'));
  await a.page.getByLabel('Give up after').fill('0.5');
  const late = await a.call('never');
  expect(await late.textContent()).toMatch(
    /^ERR_DEADLINE .*The method may have run all the same\.$/,
  );
  await a.page.getByLabel('Give up after').fill('60');
  const never = a.method('never');
  await never.getByRole('button', { name: 'Call', exact: true }).click();
  await never.getByRole('button', { name: 'Cancel' }).click();
  await never.getByText('ERR_CANCELLED').waitFor();
});

test('a program calls a function of the page', async () => {
  await a.go(demo.id('clock'));
  await a.method('tick').getByRole('textbox').fill('100');
  await a.method('tick').getByRole('button', { name: 'Add callback' }).click();
  await a.page.keyboard.press('Enter');
  await a
    .method('tick')
    .getByText(/^callback: called [3-9] times$/)
    .waitFor();
});

test('it is read in the light and in the dark, on a narrow screen too', async () => {
  const c = await Visitor.open(browser, url, 360);
  await c.link(demo.id('samples')).waitFor();
  for (const colorScheme of ['light', 'dark'] as const) {
    await c.page.emulateMedia({ colorScheme });
    expect(await c.overflows()).toBe(false);
    await c.go(demo.id('samples'));
    await c.call('values');
    await c.call('fail', 'x'.repeat(300));
    expect(await c.overflows()).toBe(false);
    const { ratio, text } = await c.leastContrast();
    expect(ratio, `${colorScheme}: ${text}`).toBeGreaterThanOrEqual(4.5);
    await c.page.getByRole('link', { name: 'All services' }).click();
    const { ratio: ofList, text: where } = await c.leastContrast();
    expect(ofList, `${colorScheme}: ${where}`).toBeGreaterThanOrEqual(4.5);
  }
  expect(c.complaints).toEqual([]);
  const id = await c.id();
  await c.page.context().close();
  await a.link(id).waitFor({ state: 'detached' });
});

test('a service that goes is told of, and another one is found', async () => {
  await a.go(demo.id('greeter'));
  expect(await (await a.call('shout', 'before')).textContent()).toBe('BEFORE!');
  demo.type('greeter');
  await a.page.getByText('This instance of greeter has left.').waitFor();
  await a.method('shout').getByText('BEFORE!').waitFor();
  demo.type('greeter');
  await a.page.getByRole('link', { name: 'Go to another instance of greeter' }).click();
  expect(await (await a.call('shout', 'after')).textContent()).toBe('AFTER!');
});

test('a rendezvous that goes is missed, and found again', async () => {
  demo.type('rendezvous');
  await a.page.getByText('The rendezvous does not answer. Direct connections go on').waitFor();
  await a.page.locator('.air.lost').waitFor();
  demo.type('rendezvous');
  await a.page.locator('.air.connected').waitFor({ timeout: 40_000 });
  await a.go(demo.id('clock'));
  const now = await a.call('now');
  await now.locator('time').waitFor();
  await b.link(ids.a).locator('.badge.relay, .badge.direct').waitFor();
});

test('a tab keeps its name when it is loaded anew, or takes the one that it is given', async () => {
  const c = await Visitor.open(browser, url);
  await c.page.reload();
  await c.page.locator('#own-name', { hasText: c.name }).waitFor();
  await c.page.getByRole('button', { name: 'Rename' }).click();
  await c.page.getByRole('textbox', { name: 'Name' }).fill(`${c.name}-again`);
  await c.page.keyboard.press('Enter');
  await c.page.locator('#own-name', { hasText: `${c.name}-again` }).waitFor();
  await a.page.getByRole('heading', { name: `${c.name}-again`, exact: true }).waitFor();
  await c.page.context().close();
});

test('Ctrl-C ends it in good order', async () => {
  expect(a.complaints).toEqual([]);
  expect(b.complaints).toEqual([]);
  demo.interrupt();
  expect(await demo.ended).toBe(0);
  expect(demo.out).toMatch(/^ +They are told to end\.$/m);
});
