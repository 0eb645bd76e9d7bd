import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import type { Browser, BrowserContext, Page } from 'playwright';
import { inject, onTestFinished } from 'vitest';
import { Network } from '../../scripts/netns.mjs';
import { type Child, start } from '../child.js';
import { program } from '../run.js';

/** The page's module: the installed package as `dservice`, and what only calls as `calls`. */
const page = `import * as all from 'dservice'; import * as calls from 'dservice/calls';
  Object.assign(globalThis, { dservice: { ...all }, calls: { ...calls }, tab: {} });`;

const workers = {
  worker: `import { serve } from 'dservice';
    void serve({ burst: (to, each) => Promise.all(Array.from({ length: to }, (_, i) => each(i))) }, globalThis);`,
  shared: `import { shareRendezvous } from 'dservice'; shareRendezvous();`,
};

/** In a worker of any kind: a service, which calls another one, and says what it heard over the port that it is given. */
const member = `
  import dservice from 'dservice';
  const [name, other] = new URLSearchParams(location.search).get('who').split(' ');
  const service = dservice(name, { echo: (value) => value }, { logger: { warn() {} } });
  const heard = service.start().then(() => service.connect(other)).then((remote) => remote.shout('hello'));
  const tell = async ({ ports: [port] }) => port?.postMessage(await heard.catch(String));
  addEventListener('connect', tell);
  addEventListener('message', tell);
  addEventListener('install', () => skipWaiting());
`;

/** A site and the rendezvous beside it, on one port. */
const site = `
  import { createServer } from 'node:http';
  import { readFileSync } from 'node:fs';
  import { rendezvous } from 'dservice';
  const [folder, port] = process.argv.slice(2);
  const server = createServer(({ url }, response) => {
    const file = url === '/' ? '/index.html' : url;
    try {
      const text = readFileSync(folder + file.split('?')[0]);
      const type = file.endsWith('.html') ? 'text/html' : 'text/javascript';
      response.writeHead(200, { 'content-type': type }).end(text);
    } catch { response.writeHead(404).end(); }
  });
  const logger = { warn: (line) => console.log('log ' + line) };
  await rendezvous({ server, mdns: true, logger });
  server.listen(Number(port), '127.0.0.1', () => console.log('listens at ' + server.address().port));
`;

/** A network of its own, with a rendezvous, a site whose pages have the package, and a browser. */
export class Meeting {
  readonly network: Network;
  #folder = '';
  #browser: Browser | undefined;
  readonly #contexts: BrowserContext[] = [];
  /** The rendezvous' process. */
  rendezvous!: Child;
  port = '0';

  private constructor() {
    this.network = new Network();
  }

  /** Its rendezvous is joined with multicast DNS. */
  static async open(): Promise<Meeting> {
    const meeting = new Meeting();
    try {
      meeting.#folder = await bundle();
      await meeting.startRendezvous();
      meeting.#browser = await meeting.network.chromium([
        '--autoplay-policy=no-user-gesture-required',
      ]);
    } catch (error) {
      await meeting.close();
      throw error;
    }
    return meeting;
  }

  /** Starts it, or starts it again at the port where it was. */
  async startRendezvous(): Promise<void> {
    const path = await program('meeting-site.mjs', site);
    this.rendezvous = this.start(path, [this.#folder, this.port]);
    this.port = (await this.rendezvous.says(/listens at (\d+)/)).split(' ')[2] ?? '';
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/`;
  }

  /** The page as a file. */
  get file(): string {
    return pathToFileURL(join(this.#folder, 'file.html')).href;
  }

  get ws(): string {
    return `ws://127.0.0.1:${this.port}/rendezvous`;
  }

  /** Starts a program for Node in the network. */
  start(file: string, args: readonly string[] = []): Child {
    return start(process.execPath, [file, ...args], { network: this.network });
  }

  /** Writes and starts one that has `dservice` and the rendezvous' address in `url`. */
  async node(name: string, text: string, ...args: string[]): Promise<Child> {
    const path = await program(
      `${name}.mjs`,
      `import dservice, { options } from 'dservice';
       const [url, ...args] = process.argv.slice(2);
       const quiet = { rendezvous: url, logger: { warn: () => {} } };
       ${text}`,
    );
    const child = this.start(path, [this.ws, ...args]);
    onTestFinished(() => child.kill('SIGKILL'));
    return child;
  }

  /** A new tab of its own context, with the package as `dservice`. `before` runs before the page's scripts. */
  async tab({ before }: { before?: string } = {}): Promise<Page> {
    if (this.#browser === undefined) throw new Error('there is no browser');
    const context = await this.#browser.newContext();
    this.#contexts.push(context);
    if (before !== undefined) await context.addInitScript(before);
    const tab = await context.newPage();
    await tab.goto(this.url);
    await tab.waitForFunction('globalThis.dservice !== undefined');
    return tab;
  }

  /** Closes all tabs. */
  async clear(): Promise<void> {
    await Promise.all(this.#contexts.splice(0).map((context) => context.close().catch(() => {})));
  }

  async close(): Promise<void> {
    await this.network.close();
  }
}

async function bundle(): Promise<string> {
  const folder = join(inject('installed'), `site-${crypto.randomUUID().slice(0, 8)}`);
  mkdirSync(folder);
  const entries = { page, ...workers };
  for (const [name, contents] of Object.entries({ ...entries, member })) {
    writeFileSync(join(folder, `${name}-source.js`), contents);
  }
  // For pages of files and service workers, which may load no modules.
  const classic = {
    bundle: true,
    format: 'iife',
    platform: 'browser',
    logLevel: 'silent',
  } as const;
  await build({
    ...classic,
    entryPoints: {
      classic: join(folder, 'page-source.js'),
      member: join(folder, 'member-source.js'),
    },
    outdir: folder,
  });
  await build({
    entryPoints: Object.fromEntries(
      Object.keys(entries).map((name) => [name, join(folder, `${name}-source.js`)]),
    ),
    outdir: folder,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    logLevel: 'silent',
  });
  const html = '<!doctype html><title>e2e</title><script type="module" src="/page.js"></script>';
  writeFileSync(join(folder, 'index.html'), html);
  writeFileSync(join(folder, 'file.html'), '<!doctype html><script src="classic.js"></script>');
  return folder;
}
