import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { ownName } from '../child.js';
import type { Browser, Page } from './browser.js';
import { engines } from './engines.js';
import { meetingPlace, member } from './programs.js';
import { openSite, type Site } from './site.js';

let site: Site;
beforeAll(async () => {
  site = await openSite();
});
afterAll(() => site.close());

/** Serves in the page under a name. What lives on is kept there. */
const serving = `
  globalThis.service = dservice.default(given.name, {
    echo: (value) => value,
    count: async (to, each) => { for (let i = 1; i <= to; i++) await each(i); },
  }, { rendezvous: given.url, webrtc: given.webrtc ?? false });
  await service.start();`;

/** Looks for it, in another page, and keeps what it found. */
const finding = `
  globalThis.found = new Promise((resolve, reject) => {
    globalThis.caller = dservice.default({ rendezvous: given.url, webrtc: given.webrtc ?? false });
    caller.dnodeFor(given.name, (error, remote, d) => error ? reject(error) : resolve({ remote, d }));
  });
  found.then(({ d }) => { globalThis.d = d; });`;

describe.each(engines)('%s', (_, { launch, webRtc }) => {
  let browser: Browser | undefined;
  beforeAll(async () => {
    browser = await launch();
  });
  afterAll(() => browser?.close());

  async function open(): Promise<Page> {
    const page = await browser!.open(site.url);
    onTestFinished(() => page.close());
    return page;
  }

  /** Asks a page until it says so: one engine evaluates one thing at a time over all pages. */
  async function until(page: Page, body: string): Promise<unknown> {
    for (;;) {
      const value = await page.evaluate(body);
      if (value !== null && value !== undefined && value !== false) return value;
    }
  }

  test('a page finds a Node program by its range, and is called by one', async () => {
    const { url } = await meetingPlace();
    const [node, tab] = [ownName('node'), ownName('tab')];
    await member(url, `${node}@1.2.0`);
    const page = await open();
    await page.evaluate(serving, { url, name: `${tab}@1.0.0` });
    const loud = await page.evaluate(
      `const remote = await dservice.default({ rendezvous: given.url }).connect(given.name + '@^1');
       return await remote.shout('hello');`,
      { url, name: node },
    );
    expect(loud).toBe('HELLO');
    const { child } = await member(url, ownName('caller'), `${tab}@^1`);
    await child.says('the page says [1,2,3]');
  });

  test('page to page over the relay, through a restart of the rendezvous', async () => {
    const { url, child } = await meetingPlace();
    const name = ownName('tab');
    const [a, b] = [await open(), await open()];
    await a.evaluate(serving, { url, name });
    await b.evaluate(finding, { url, name });
    await until(b, 'return globalThis.d !== undefined;');
    const echo = `globalThis.answers = [];
      void found.then(async ({ remote }) => {
        for (let i = 0; i < 50; i++) answers.push(await remote.echo(i));
        answers.push('done');
      });`;
    await b.evaluate(echo);
    await until(b, 'return answers.length > 5;');
    child.kill('SIGKILL');
    await child.ended;
    await meetingPlace(Number(new URL(url).port));
    await until(b, "return answers.at(-1) === 'done';");
    const answers = await b.evaluate('return [answers.length, d.session.peer.transport];');
    expect(answers).toEqual([51, 'relay']);
  });

  if (webRtc)
    test('page to page directly, and the rendezvous may go', async () => {
      const { url, child } = await meetingPlace();
      const name = ownName('tab');
      const [a, b] = [await open(), await open()];
      await a.evaluate(serving, { url, name, webrtc: true });
      await b.evaluate(finding, { url, name, webrtc: true });
      await until(b, "return globalThis.d?.session.peer.transport === 'webrtc';");
      child.kill('SIGKILL');
      await child.ended;
      await b.evaluate(`globalThis.said = undefined;
        void found.then(async ({ remote }) => { globalThis.said = await remote.echo('still'); });`);
      expect(await until(b, 'return globalThis.said;')).toBe('still');
    });
});
