import { chromium } from 'playwright';
import { chromiumFlags, chromiumPath } from '../scripts/chromium.mjs';
import { startProcess } from './process.mjs';
import { listen, makeSite } from './site.mjs';
import { subjects } from './subjects/index.mjs';

/** What a page does: calls in flight. */
export const pageWorks = { seq: 1, c64: 64 };
/** The page calls those that are served over WebSockets. */
export const pageSubjects = subjects.filter(({ path }) => path === 'ws');

/** Calls per second from one page of a real Chromium to servers in processes of their own, as `measureRates`. */
export async function measurePage({ rounds, ms, warmUp }) {
  const executablePath = chromiumPath();
  if (executablePath === undefined) return { skipped: 'there is no Chromium' };
  const site = await makeSite('calls');
  const browser = await chromium.launch({ executablePath, args: chromiumFlags });
  try {
    const servers = await Promise.all(pageSubjects.map((subject) => startProcess(subject)));
    const endpoints = await Promise.all(servers.map((server) => server.ask('serve')));
    const page = await browser.newPage();
    await page.goto(await listen(site));
    const measure = (i, count, ms) =>
      page.evaluate((task) => globalThis.measure(task), {
        ...{ subject: pageSubjects[i].name, endpoint: endpoints[i], count, ms },
      });
    const rates = {};
    for (const [i, { name }] of pageSubjects.entries()) {
      rates[name] = {};
      for (const [work, count] of Object.entries(pageWorks)) {
        rates[name][work] = { rate: [] };
        await measure(i, count, warmUp);
      }
    }
    for (let round = 0; round < rounds; round++) {
      for (const [work, count] of Object.entries(pageWorks)) {
        for (let at = 0; at < pageSubjects.length; at++) {
          const i = (at + round) % pageSubjects.length;
          rates[pageSubjects[i].name][work].rate.push(await measure(i, count, ms));
        }
      }
    }
    await Promise.all(servers.map((server) => server.end()));
    return { rates, version: browser.version() };
  } finally {
    await browser.close();
    site.close();
    site.closeAllConnections();
  }
}
