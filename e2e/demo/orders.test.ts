import type { Browser, Locator, Page } from 'playwright';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Demo, launch, Visitor } from './visit.js';

let demo: Demo;
let browser: Browser;
let url: string;

beforeAll(async () => {
  demo = new Demo();
  [url, browser] = await Promise.all([demo.url(), launch()]);
});
afterAll(async () => {
  await browser?.close();
  await demo?.end();
});

/** The panel of orders in a page. */
class Panel {
  readonly page: Page;

  constructor(page: Page) {
    this.page = page;
  }

  async order(...all: string[]): Promise<void> {
    for (const what of all) {
      const field = this.page.getByLabel('What you order');
      await field.fill(what);
      await field.press('Enter');
      // It is empty once the order is kept.
      await expect.poll(() => field.inputValue()).toBe('');
    }
  }

  switch(name: 'Offline' | 'The recipient refuses'): Locator {
    return this.page.getByLabel(name);
  }

  says(text: string): Promise<void> {
    return this.page.locator('#orders-state').getByText(text, { exact: true }).waitFor();
  }

  delivered(what: string): Locator {
    return this.page.locator('#orders-delivered li', { hasText: what });
  }

  dead(what: string): Locator {
    return this.page.locator('#orders-dead li', { hasText: what });
  }

  /** So many are in a queue, however they are there. */
  async inQueue(queue: 'send' | 'done', count: number): Promise<void> {
    const cells = this.page.getByRole('row', { name: queue }).getByRole('cell');
    await expect
      .poll(async () =>
        (await cells.allTextContents()).reduce((sum, each) => sum + Number(each), 0),
      )
      .toBe(count);
  }
}

test('orders are taken offline, survive a reload, and are delivered once when the network is back', async () => {
  const visitor = await Visitor.open(browser, url);
  const panel = new Panel(visitor.page);
  await panel.order('two apples');
  await panel.delivered('two apples').getByText('greeter: TWO APPLES!').waitFor();

  await panel.switch('Offline').check();
  await panel.order('three pears', 'four plums');
  await panel.says('Offline: 2 orders wait for the network.');
  await panel.inQueue('send', 2);
  await visitor.page.reload();
  await panel.says('Offline: 2 orders wait for the network.');
  expect(await panel.switch('Offline').isChecked()).toBe(true);
  await panel.delivered('two apples').waitFor();
  expect(await panel.delivered('pears').count()).toBe(0);

  await panel.switch('Offline').uncheck();
  for (const what of ['three pears', 'four plums']) {
    await panel.delivered(what).getByText(`greeter: ${what.toUpperCase()}!`).waitFor();
    expect(await panel.delivered(what).count()).toBe(1);
  }
  await panel.says('Nothing waits.');
  await panel.inQueue('send', 0);
  expect(visitor.complaints).toEqual([]);
  await visitor.page.context().close();
});

test('what the browser says of the network counts, too', async () => {
  const { page } = await Visitor.open(browser, url);
  const panel = new Panel(page);
  await page.context().setOffline(true);
  await panel.order('tea');
  await panel.says('Offline: 1 order waits for the network.');
  await page.context().setOffline(false);
  await panel.delivered('tea').waitFor();
  await page.context().close();
});

test('a second tab sees what the first one kept, and finishes it when that one is closed', async () => {
  const first = await Visitor.open(browser, url);
  const context = first.page.context();
  const one = new Panel(first.page);
  await one.switch('Offline').check();
  await one.order('figs', 'quinces');
  const two = new Panel(await context.newPage());
  await two.page.goto(url);
  await two.says('Offline: 2 orders wait for the network.');
  await one.page.close();
  await two.switch('Offline').uncheck();
  for (const what of ['figs', 'quinces']) await two.delivered(what).waitFor();

  // What one switches, orders and delivers is seen in the other.
  const three = new Panel(await context.newPage());
  await three.page.goto(url);
  await three.delivered('quinces').waitFor();
  await three.switch('Offline').check();
  await expect.poll(() => two.switch('Offline').isChecked()).toBe(true);
  await two.order('dates');
  await three.says('Offline: 1 order waits for the network.');
  await three.switch('Offline').uncheck();
  await Promise.all([two.delivered('dates').waitFor(), three.delivered('dates').waitFor()]);
  await context.close();
});

test('who is refused too often is a dead letter, and is put back by the keyboard alone', async () => {
  const visitor = await Visitor.open(browser, url, 360);
  const panel = new Panel(visitor.page);
  await panel.switch('The recipient refuses').check();
  await panel.order('sour grapes', 'more grapes', 'x'.repeat(80));
  for (const what of ['sour grapes', 'more grapes', 'xxx']) {
    await panel.dead(what).getByText('the recipient refuses orders').waitFor();
  }
  // As it is read on a narrow screen, in the light and in the dark.
  for (const colorScheme of ['light', 'dark'] as const) {
    await visitor.page.emulateMedia({ colorScheme });
    expect(await visitor.overflows()).toBe(false);
    const { ratio, text } = await visitor.leastContrast();
    expect(ratio, `${colorScheme}: ${text}`).toBeGreaterThanOrEqual(4.5);
  }
  await panel.switch('The recipient refuses').focus();
  await visitor.page.keyboard.press('Space');
  await visitor.tabTo(panel.page.getByRole('button', { name: 'Try more grapes again' }));
  await visitor.page.keyboard.press('Enter');
  await panel.delivered('more grapes').waitFor();
  expect(await panel.dead('sour grapes').count()).toBe(1);
  await panel.page.getByRole('button', { name: 'Try all again' }).press('Enter');
  await panel.delivered('sour grapes').waitFor();
  await panel.page.getByRole('heading', { name: 'Dead letters' }).waitFor({ state: 'hidden' });
  expect(visitor.complaints).toEqual([]);
  await visitor.page.context().close();
});

test('when the greeter has gone, an order is delivered all the same', async () => {
  demo.type('greeter');
  const { page } = await Visitor.open(browser, url);
  const panel = new Panel(page);
  await panel.order('bread');
  // There may be another one on this machine.
  const note = /^(nobody was there to answer|greeter: BREAD!)$/;
  await panel.delivered('bread').getByText(note).waitFor();
  await page.context().close();
});
