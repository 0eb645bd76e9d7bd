import type { BrowserContext, CDPSession, Page } from 'playwright';
import type { Fact } from './history.js';
import type { Prey, PreySettings } from './prey.js';

interface Globals {
  readonly chaos: (what: string, ...args: unknown[]) => Promise<unknown>;
}

/** A tab. It is killed by a crash of its process, or closed. */
export class TabPrey implements Prey {
  readonly name: string;
  readonly up: Promise<void>;
  readonly gone: Promise<string | undefined>;
  readonly #facts: readonly Fact[];
  readonly #crashes: boolean;
  #page: Page | undefined;
  #debugger: CDPSession | undefined;
  #ending = false;
  #end: (why: string | undefined) => void = () => {};

  /** `facts`: where those come that it writes down. */
  constructor(
    context: BrowserContext,
    url: string,
    store: unknown,
    settings: PreySettings,
    { facts, crashes }: { facts: readonly Fact[]; crashes: boolean },
  ) {
    this.name = settings.name;
    this.#facts = facts;
    this.#crashes = crashes;
    this.gone = new Promise((resolve) => (this.#end = resolve));
    this.up = this.#open(context, url, { ...settings, store });
    this.up.catch((error: unknown) => this.#over(String(error)));
  }

  async #open(context: BrowserContext, url: string, settings: object): Promise<void> {
    const page = await context.newPage();
    this.#page = page;
    page.on('close', () => this.#over('it was closed'));
    page.on('crash', () => this.#over('it crashed'));
    page.on('pageerror', (error) => this.#over(error.message));
    await page.goto(url);
    this.#debugger = await context.newCDPSession(page);
    await this.#debugger.send('Debugger.enable');
    await this.ask('up', settings);
  }

  async ask(what: string, ...args: unknown[]): Promise<unknown> {
    if (this.#page === undefined) throw new Error(`${this.name} is not there`);
    // In the page, where the fixture has put `chaos`.
    const answer = this.#page.evaluate(
      ([name, given]) => (globalThis as unknown as Globals).chaos(name, ...given),
      [what, args] as const,
    );
    answer.catch(() => {});
    // A page that has crashed answers nothing.
    const gone = this.gone.then((): never => {
      throw new Error(`${this.name} is gone`);
    });
    return Promise.race([answer, gone]);
  }

  async kill(): Promise<void> {
    this.#ending = true;
    await this.up.catch(() => {});
    if (this.#crashes) {
      // It is never answered.
      this.#debugger?.send('Page.crash').catch(() => {});
      await this.gone;
    }
    await this.#page?.close();
    await this.gone;
  }

  /** Its code stands still, in the middle of anything. */
  async pause(): Promise<void> {
    await this.#debugger?.send('Debugger.pause');
  }

  async resume(): Promise<void> {
    await this.#debugger?.send('Debugger.resume');
  }

  async stop(drain: number | boolean): Promise<void> {
    this.#ending = true;
    await this.ask('stop', drain);
    await this.#page?.close();
    await this.gone;
  }

  facts(): readonly Fact[] {
    return this.#facts;
  }

  #over(why: string): void {
    this.#end(this.#ending ? undefined : `${this.name} ended by itself: ${why}`);
  }
}
