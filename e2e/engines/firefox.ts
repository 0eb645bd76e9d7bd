import puppeteer, { type Page as Tab } from 'puppeteer-core';
import { firefoxPath } from '../../scripts/engines.mjs';
import { type Browser, type Engine, expression, needed, outcome, type Page } from './browser.js';

/**
 * Beside what puppeteer switches off: no name is looked up, and what is not for this machine goes to a
 * proxy that is not there, whoever in the browser asks. Pages that connect directly do so where there is
 * loopback alone too: Firefox offers all addresses only to pages that may listen to a microphone, and
 * would have the network asked for names in their place.
 */
const preferences = {
  'network.dns.disabled': true,
  'network.trr.mode': 5,
  'network.proxy.type': 1,
  'network.proxy.http': '127.0.0.1',
  'network.proxy.http_port': 9,
  'network.proxy.ssl': '127.0.0.1',
  'network.proxy.ssl_port': 9,
  'network.proxy.allow_bypass': false,
  'network.proxy.failover_direct': false,
  'network.manage-offline-status': false,
  'permissions.default.microphone': 1,
  'media.peerconnection.ice.loopback': true,
  'media.peerconnection.ice.obfuscate_host_addresses': false,
};

/** Firefox ESR, by WebDriver BiDi. */
export const firefox: Engine = {
  webRtc: true,
  async launch(): Promise<Browser> {
    const browser = await puppeteer.launch({
      browser: 'firefox',
      protocol: 'webDriverBiDi',
      executablePath: needed(firefoxPath()),
      headless: true,
      timeout: 60_000,
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
