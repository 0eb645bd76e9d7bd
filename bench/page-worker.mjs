import { chromium } from 'playwright';
import { chromiumFlags, chromiumPath } from '../scripts/chromium.mjs';
import { pageWorks } from './page.mjs';
import { listen, makeSite } from './site.mjs';

/** What a page and its worker speak over a MessagePort. */
export const portSubjects = {
  ours: 'dservice',
  bare: 'a bare MessagePort',
  comlink: 'Comlink',
  birpc: 'birpc',
};

/** Calls per second from a page of a real Chromium to its worker: `{ rates: { [subject]: { [work]: [] } }, version }`. */
export async function measurePageWorker({ rounds, ms, warmUp }) {
  const executablePath = chromiumPath();
  if (executablePath === undefined) return { skipped: 'there is no Chromium' };
  const site = await makeSite('ports', 'worker');
  const browser = await chromium.launch({ executablePath, args: chromiumFlags });
  try {
    const page = await browser.newPage();
    await page.goto(await listen(site));
    const measure = (subject, work, time) =>
      page.evaluate((task) => globalThis.measure(task), {
        ...{ subject, count: pageWorks[work], ms: time },
      });
    const names = Object.keys(portSubjects);
    const works = Object.keys(pageWorks);
    const rates = {};
    for (const name of names) {
      rates[name] = {};
      for (const work of works) {
        rates[name][work] = [];
        await measure(name, work, warmUp);
      }
    }
    for (let round = 0; round < rounds; round++) {
      for (const work of works) {
        for (let at = 0; at < names.length; at++) {
          // Another one begins each time.
          const name = names[(at + round) % names.length];
          rates[name][work].push(await measure(name, work, ms));
        }
      }
    }
    return { rates, version: browser.version() };
  } finally {
    await browser.close();
    site.close();
    site.closeAllConnections();
  }
}
