import puppeteer, { type Page as Tab } from 'puppeteer-core';
import { firefoxPath } from '../../scripts/engines.mjs';
import { type Browser, type Engine, expression, needed, outcome, type Page } from './browser.js';

/**
 * Beside what puppeteer switches off: whatever is not for this machine goes to a proxy that is not
 * there, names and all. Pages that connect directly do so over loopback too, by addresses and not by
 * names that they would have to ask the network for.
 */
const preferences = {
  'network.proxy.type': 1,
  'network.proxy.http': '127.0.0.1',
  'network.proxy.http_port': 9,
  'network.proxy.ssl': '127.0.0.1',
  'network.proxy.ssl_port': 9,
  'network.dns.disablePrefetch': true,
  'network.trr.mode': 5,
  'media.peerconnection.ice.loopback': true,
  'media.peerconnection.ice.obfuscate_host_addresses': false,
};

/** Firefox ESR, by WebDriver BiDi. */
export const firefox: Engine = {
  name: 'Firefox',
  webRtc: true,
  async launch(): Promise<Browser> {
    const browser = await puppeteer.launch({
      browser: 'firefox',
      protocol: 'webDriverBiDi',
      executablePath: needed(firefoxPath()),
      headless: true,
      timeout: 20_000,
      extraPrefsFirefox: preferences,
    });
    return {
      async open(url) {
        const tab = await browser.newPage();
        await tab.goto(url);
        return pageOf(tab);
      },
      async close() {
        const program = browser.process();
        await browser.close().catch(() => {});
        if (program?.exitCode === null) program.kill('SIGKILL');
      },
    };
  },
};

function pageOf(tab: Tab): Page {
  return {
    evaluate: async (body, given) => outcome(await tab.evaluate(expression(body, given))),
    close: () => tab.close(),
  };
}
