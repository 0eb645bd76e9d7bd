import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { type Browser, chromium, type Locator, type Page } from 'playwright';
import { chromiumFlags, chromiumPath } from '../../scripts/chromium.mjs';
import { root } from '../../scripts/root.mjs';

/** The demo as it waits for visitors, with somebody at its terminal. */
export class Demo {
  readonly #child = spawn(process.execPath, [join('demo', 'run.mjs')], {
    cwd: root,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  out = '';
  readonly ended: Promise<number | null>;

  constructor() {
    this.#child.stdout.setEncoding('utf8').on('data', (text: string) => (this.out += text));
    this.ended = new Promise((resolve) => this.#child.once('close', (code) => resolve(code)));
  }

  /** Where its page is, once it waits. */
  async url(): Promise<string> {
    const ended = this.ended.then(() => {
      throw new Error(`it ended: ${this.out}`);
    });
    const open = new Promise<void>((resolve) => {
      this.#child.stdout.on('data', () => {
        if (this.out.includes('Ctrl-C ends it all.')) resolve();
      });
    });
    await Promise.race([open, ended]);
    return /http:\S+/.exec(this.out)?.[0] ?? '';
  }

  /** The id of one of its programs' instances, the latest: others of this machine may be called the same. */
  id(name: string): string {
    const said = [...this.out.matchAll(new RegExp(`^ *${name} │ is instance (\\S+)$`, 'gm'))];
    const id = said.at(-1)?.[1];
    if (id === undefined) throw new Error(`${name} did not say who it is: ${this.out}`);
    return id;
  }

  /** Writes a line at its terminal. */
  type(line: string): void {
    this.#child.stdin.write(`${line}\n`);
  }

  interrupt(): void {
    this.#child.kill('SIGINT');
  }

  /** Ends it, and with it the programs that it started: others of this machine would meet them. */
  async end(): Promise<void> {
    this.#child.kill('SIGTERM');
    await this.ended;
  }
}

export function launch(): Promise<Browser> {
  const executablePath = chromiumPath();
  if (executablePath === undefined) throw new Error('There is no Chromium: npm run setup');
  return chromium.launch({ executablePath, args: chromiumFlags });
}

/** A tab, and somebody who uses it. */
export class Visitor {
  /** What the page complained of, but for a rendezvous that is away. */
  readonly complaints: string[] = [];
  readonly page: Page;
  name = '';

  private constructor(page: Page) {
    this.page = page;
    page.setDefaultTimeout(20_000);
    page.on('pageerror', (error) => this.complaints.push(error.message));
    page.on('console', (message) => {
      if (message.type() === 'error' && !message.text().startsWith('WebSocket connection to')) {
        this.complaints.push(message.text());
      }
    });
  }

  static async open(browser: Browser, url: string, width = 1280): Promise<Visitor> {
    const context = await browser.newContext({ viewport: { width, height: 800 } });
    const visitor = new Visitor(await context.newPage());
    await visitor.page.goto(url);
    await visitor.page.locator('.air.connected').waitFor();
    visitor.name = (await visitor.page.locator('#own-name').textContent()) ?? '';
    return visitor;
  }

  /** The id of its own instance. */
  async id(): Promise<string> {
    const link = this.page.locator('a.row').filter({ hasText: 'this tab' });
    return (await link.getAttribute('href'))?.slice('#/'.length) ?? '';
  }

  /** The link to an instance. */
  link(id: string): Locator {
    return this.page.locator(`a.row[href="#/${id}"]`);
  }

  /** Presses Tab until the focus is there. */
  async tabTo(target: Locator): Promise<void> {
    for (let n = 0; n < 60; n++) {
      await this.page.keyboard.press('Tab');
      if (await target.evaluate((element) => element === document.activeElement)) return;
    }
    throw new Error('the focus never came there');
  }

  /** Opens an instance. */
  async go(id: string): Promise<void> {
    await this.link(id).click();
    await this.page.locator(`.detail[data-id="${id}"] .method`).first().waitFor();
  }

  method(name: string): Locator {
    return this.page.getByRole('region', { name, exact: true });
  }

  /** Calls a method, and gives the place of its outcome, once it is there. */
  async call(name: string, args = ''): Promise<Locator> {
    const method = this.method(name);
    await method.getByRole('textbox').fill(args);
    await method.getByRole('textbox').press('Enter');
    const call = method.locator('.call').first();
    await call.locator('.call-state:not(.waiting)').waitFor();
    return call.locator('.outcome');
  }

  /** Whether something is wider than the page. */
  overflows(): Promise<boolean> {
    return this.page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
  }

  /** The least contrast of a text to what is behind it, of all that is seen; and which text it is. */
  leastContrast(): Promise<{ ratio: number; text: string }> {
    return this.page.evaluate(() => {
      const read = (color: string): number[] => (color.match(/[\d.]+/g) ?? []).map(Number);
      const light = (color: readonly number[]): number => {
        const [r = 0, g = 0, b = 0] = color.slice(0, 3).map((value) => {
          const part = value / 255;
          return part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
        });
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
      };
      const behind = (element: Element | null): number[] => {
        for (let at = element; at !== null; at = at.parentElement) {
          const color = read(getComputedStyle(at).backgroundColor);
          if (color.length === 3 || (color[3] ?? 0) > 0.99) return color;
        }
        return [255, 255, 255];
      };
      let least = { ratio: Infinity, text: '' };
      for (const element of document.querySelectorAll('body *')) {
        const own = [...element.childNodes].some(
          (node) => node.nodeType === Node.TEXT_NODE && node.textContent?.trim() !== '',
        );
        if (!own || !element.checkVisibility()) continue;
        const [a, b] = [light(read(getComputedStyle(element).color)), light(behind(element))];
        const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
        if (ratio < least.ratio) least = { ratio, text: element.textContent ?? '' };
      }
      return least;
    });
  }
}
