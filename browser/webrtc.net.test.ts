import { join } from 'node:path';
import { buildSync } from 'esbuild';
import type { Browser, Page } from 'playwright';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { cannotMakeNetworks, Network } from '../scripts/netns.mjs';
import { channelSuite } from '../src/testing/channel-suite.js';
import type { TestPage } from './fixtures/webrtc-page.js';

const why = cannotMakeNetworks();

// Chromium finds no way from a page to another on loopback alone. Addresses are hidden as in any page: no flag.
describe.skipIf(why !== undefined)(`pages${why === undefined ? '' : `: ${why}`}`, () => {
  let network: Network;
  let browser: Browser;
  let script: string;

  beforeAll(async () => {
    network = new Network();
    browser = await network.chromium();
    const { outputFiles } = buildSync({
      entryPoints: [join(import.meta.dirname, 'fixtures/webrtc-page.ts')],
      bundle: true,
      format: 'iife',
      write: false,
      logLevel: 'error',
    });
    script = outputFiles[0]?.text ?? '';
  });
  afterAll(() => network?.close());

  async function open(): Promise<Page> {
    const page = await browser.newPage();
    await page.addScriptTag({ content: script });
    return page;
  }

  /** Asks a page for something. */
  function ask<K extends keyof TestPage>(
    page: Page,
    what: K,
    ...args: Parameters<TestPage[K]>
  ): Promise<Awaited<ReturnType<TestPage[K]>>> {
    return page.evaluate(
      ([name, given]) => {
        // The fixture puts it there.
        const { page: it } = globalThis as unknown as {
          page: Record<string, (...args: unknown[]) => unknown>;
        };
        return it[name]?.(...given) as never;
      },
      [what as string, args as unknown[]] as const,
    );
  }

  describe('both ends in one page', () => {
    let page: Page;
    beforeAll(async () => {
      page = await open();
    });

    const refuse = () => Promise.reject(new Error('this only tells the names'));
    channelSuite({
      // The same suite runs in the page.
      test: (name) => test(name, () => ask(page, 'run', name)),
      setup: refuse,
      supports: { holdBack: false },
    });

    test('leaves nothing unhandled', async () => {
      expect(await ask(page, 'unhandled')).toEqual([]);
    });
  });

  describe('two pages', () => {
    let a: Page;
    let b: Page;
    let signals: { type?: unknown }[];

    /** Opens what a test has ended, and lets the pages hand each other their signals. */
    beforeEach(async () => {
      signals = [];
      if (b !== undefined && !a.isClosed()) return;
      await b?.close();
      [a, b] = [await open(), await open()];
      for (const [from, to] of [
        [a, b],
        [b, a],
      ] as const) {
        await from.exposeFunction('toOther', (signal: { type?: unknown }) => {
          signals.push(signal);
          // The other page may be gone.
          return ask(to, 'signal', signal).catch(() => {});
        });
      }
    });
    afterEach(async () => {
      for (const page of [a, b]) {
        if (!page.isClosed()) expect(await ask(page, 'unhandled')).toEqual([]);
      }
    });

    async function connect(): Promise<void> {
      await ask(b, 'begin', false);
      await ask(a, 'begin', true);
      expect(await Promise.all([ask(a, 'open'), ask(b, 'open')])).toEqual(['webrtc', 'webrtc']);
    }

    // Some seconds, but on a machine that is busy.
    test('10 MB both ways at once', { timeout: 120_000 }, async () => {
      await connect();
      await Promise.all([ask(a, 'write', 10), ask(b, 'write', 10)]);
      const whole = { first: Array.from({ length: 10 }, (_, i) => String(i)), whole: true };
      expect(await ask(a, 'read', 10)).toEqual(whole);
      expect(await ask(b, 'read', 10)).toEqual(whole);
    });

    test('signals are sent one by one, and tell no address', async () => {
      await connect();
      const texts = signals.map((signal) => JSON.stringify(signal));
      expect(texts.some((text) => text.includes('candidate:'))).toBe(true);
      expect(texts.filter((text) => text.includes(network.address))).toEqual([]);
    });

    test.each([
      ['a close', 'close', 'orderly'],
      ['a destroyed channel', 'destroy', 'the data channel was closed without a bye'],
    ] as const)('%s is told within a second', async (_, how, said) => {
      await connect();
      const closed = ask(b, 'closed');
      const before = performance.now();
      await ask(a, how);
      expect(await closed).toBe(said);
      expect(performance.now() - before).toBeLessThan(1_000);
      expect(await ask(a, 'closed')).toBe('orderly');
    });

    test.each([
      ['is closed', (page: Page) => page.close()],
      ['goes elsewhere', (page: Page) => page.goto('data:text/html,')],
    ])('a page that %s tells within a second', async (_, leave) => {
      await connect();
      const before = performance.now();
      await leave(a);
      expect(await ask(b, 'closed')).toContain('without a bye');
      expect(performance.now() - before).toBeLessThan(1_000);
      await a.close();
    });

    test('a page that crashes is told', async () => {
      await connect();
      const session = await a.context().newCDPSession(a);
      session.send('Page.crash').catch(() => {});
      // After 20 s or so: sessions have a heartbeat.
      expect(await ask(b, 'closed')).toBe('Connection failed.');
      await a.close();
    });

    test('nobody answers: ERR_TIMEOUT', async () => {
      await ask(a, 'begin', true, 300);
      expect(await ask(a, 'open')).toBe('ERR_TIMEOUT');
    });

    test('cancelled: ERR_CANCELLED, and the other side is not told of it', async () => {
      await ask(b, 'begin', false, 1_000);
      await ask(a, 'begin', true);
      await ask(a, 'cancel');
      expect(await ask(a, 'open')).toBe('ERR_CANCELLED');
      expect(await ask(b, 'open')).toBe('ERR_TIMEOUT');
    });

    const sdp = 'v=0\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n';
    test.each<[string, unknown]>([
      ['null', null],
      ['text', 'offer'],
      ['huge', { type: 'offer', sdp: 'a'.repeat(5_000_000) }],
      ['no description', { type: 'offer', sdp }],
      ['of a wrong version', { type: 'offer', sdp: sdp.replace('v=0', 'v=9') }],
    ])('a signal that is none fails the attempt: %s', async (_, signal) => {
      await ask(b, 'begin', false);
      await ask(b, 'signal', signal);
      expect(await ask(b, 'open')).toBe('ERR_CONNECT');
    });

    test('a cyclic signal', async () => {
      await ask(b, 'begin', false);
      await b.evaluate(() => {
        const cyclic: Record<string, unknown> = { type: 'offer' };
        cyclic['sdp'] = cyclic;
        (globalThis as unknown as { page: TestPage }).page.signal(cyclic);
      });
      expect(await ask(b, 'open')).toBe('ERR_CONNECT');
    });
  });
});
