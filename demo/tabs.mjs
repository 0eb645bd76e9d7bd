// Two tabs of a headless Chromium, which find and call programs and each other, as people would in the page.
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A rendezvous, two tabs, and a terminal; gives what ends them. Without a Chromium it says so, and that is all. */
export async function tabsMeet(stage, greeter) {
  const browser = await chromium();
  if (typeof browser === 'string') {
    stage.tell(`The part with a page is left out: ${browser}`);
    return async () => {};
  }
  stage.keep(() => browser.close());

  stage.tell(
    'Pages cannot hear multicast. A rendezvous lets them find the programs, and each other.',
  );
  const rendezvous = stage.start('rendezvous', 'rendezvous.mjs');
  const [url] = await rendezvous.says(/http:\S+/);
  const [, id] = await greeter.says(/is instance (\S+)/);
  const [a, b] = await stage.within(Promise.all([open(browser, url), open(browser, url)]));
  for (const tab of [a, b]) stage.say(tab.name, 'is open, and is a service');

  const shout = await stage.within(a.call(id, 'shout', '"hello from a tab"'));
  stage.say(a.name, `calls greeter, ${shout.way}, and hears: ${shout.outcome}`);

  const alert = await stage.within(b.call(await a.id(), 'alert', `"hello from ${b.name}"`));
  stage.say(b.name, `calls ${a.name}, ${alert.way}, and hears: ${alert.outcome}`);
  await stage.within(a.shows(`hello from ${b.name}`));
  stage.say(a.name, `shows: hello from ${b.name}`);

  stage.tell(`In a terminal: npx dservice call ${a.name} alert hi`);
  const terminal = stage.start('terminal', commandLine(), 'call', a.name, 'alert', 'hi');
  await terminal.says(`shown in ${a.name}`);
  await stage.within(a.shows('hi'));
  stage.say(a.name, 'shows: hi');
  await terminal.ended();

  return async () => {
    await stage.within(browser.close());
    await rendezvous.stop();
  };
}

/** A tab, as somebody uses it. */
class Tab {
  #page;

  constructor(page, name) {
    this.#page = page;
    this.name = name;
  }

  /** The id of its own instance. */
  async id() {
    const link = this.#page.locator('a.row', { hasText: 'this tab' });
    return (await link.getAttribute('href')).slice('#/'.length);
  }

  /** Opens an instance in the list, and calls a method: what it answers, and how it is reached. */
  async call(id, method, args) {
    const page = this.#page;
    await page.locator(`a[href="#/${id}"]`).click();
    const form = page.getByRole('region', { name: method, exact: true });
    await form.getByRole('textbox').fill(args);
    await form.getByRole('textbox').press('Enter');
    await form.locator('.call-state:not(.waiting)').waitFor();
    const outcome = await form.locator('.outcome').textContent();
    return { outcome, way: await page.locator('.way-line .badge').textContent() };
  }

  /** Waits until it shows a message. */
  async shows(text) {
    await this.#page.locator('.toast-text').getByText(text, { exact: true }).waitFor();
  }
}

async function open(browser, url) {
  const context = await browser.newContext();
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  await page.goto(url);
  await page.locator('.air.connected').waitFor();
  return new Tab(page, await page.locator('#own-name').textContent());
}

/** A headless Chromium; or why there is none. */
async function chromium() {
  const path = chromiumPath();
  if (path === undefined) return 'there is no Chromium, and CHROMIUM names none.';
  try {
    const playwright = await import('playwright');
    const args = [
      ...['--no-sandbox', '--disable-gpu', '--disable-background-networking'],
      // Nothing of this leaves the machine: not even what WebRTC would ask its network.
      '--webrtc-ip-handling-policy=disable_non_proxied_udp',
    ];
    return await playwright.chromium.launch({ executablePath: path, args });
  } catch (error) {
    return `${path} could not be started: ${String(error.message).split('\n')[0]}`;
  }
}

function chromiumPath() {
  if (process.env.CHROMIUM) return process.env.CHROMIUM;
  const folders = (process.env.PATH ?? '').split(delimiter);
  return ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']
    .flatMap((name) => folders.map((folder) => join(folder, name)))
    .find((path) => existsSync(path));
}

/** What `npx dservice` starts. */
function commandLine() {
  return fileURLToPath(
    new URL('dist/node/cli/main.js', import.meta.resolve('dservice/package.json')),
  );
}
