import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright';
import { chromiumFlags, chromiumPath } from '../scripts/chromium.mjs';
import { listen, makeSite } from './site.mjs';

/**
 * Tabs of one Chromium, with a profile on disk, that show a page of `pages/`: without one, what it stores would be in
 * memory. `tabs` has a function each that calls what the page can do.
 */
export async function openTabs(name, count) {
  const site = await makeSite(name);
  const profile = await mkdtemp(join(tmpdir(), 'dservice-bench-'));
  const browser = await chromium.launchPersistentContext(profile, {
    executablePath: chromiumPath(),
    args: chromiumFlags,
  });
  const origin = await listen(site);
  const tabs = [];
  for (let i = 0; i < count; i++) {
    const page = await browser.newPage();
    await page.goto(origin);
    tabs.push((...args) => page.evaluate((args) => globalThis.run(...args), args));
  }
  return {
    tabs,
    async close() {
      await browser.close();
      site.close();
      site.closeAllConnections();
      await rm(profile, { recursive: true, force: true });
    },
  };
}
