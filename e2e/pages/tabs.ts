import type { Page } from 'playwright';

/** What a page's own code has at hand: the package, and what the test keeps there. */
interface Globals {
  // The package as it is in the page: the test says nothing of its types.
  // oxlint-disable-next-line no-explicit-any
  dservice: any;
  // oxlint-disable-next-line no-explicit-any
  tab: any;
}

declare const window: Globals;

/** What the service of every tab has. */
export async function serve(tab: Page, name: string, options: object = {}): Promise<void> {
  await tab.evaluate(
    async ([name, options]) => {
      const { default: dservice, context } = window.dservice;
      const alerts: string[] = [];
      const service = dservice(
        name,
        {
          echo: (value: unknown) => value,
          alert: (text: string) => alerts.push(text),
          who: () => ({ transport: context().peer.transport, origin: context().peer.origin }),
          count: async (to: number, each: (n: number) => Promise<unknown>) => {
            for (let n = 0; n < to; n++) await each(n);
          },
          // All at once: none waits for the one before.
          burst: async (to: number, each: (n: number) => Promise<unknown>) => {
            const all = [];
            for (let n = 0; n < to; n++) all.push(each(n));
            return (await Promise.all(all)).length;
          },
          slow: () => new Promise((resolve) => (window.tab.finish = resolve)),
        },
        options,
      );
      Object.assign(window.tab, { service, alerts });
      await service.start();
    },
    [name, options] as const,
  );
}

/** Starts a service that relies on another, and does not wait for it. */
export async function rely(tab: Page, name: string, query: string): Promise<void> {
  await tab.evaluate(
    ([name, query]) => {
      const service = window.dservice.default(name, {}, { logger: { warn: () => {} } });
      const end = (error?: Error) => ({ at: Date.now(), message: error?.message ?? '' });
      const ended = service
        .rely(query)
        .start()
        .then(() => end(), end);
      Object.assign(window.tab, { service, ended });
    },
    [name, query] as const,
  );
}

/** How that start ended: ms since 1970, and what it was rejected with, or nothing. */
export function endOfStart(tab: Page): Promise<{ at: number; message: string }> {
  return tab.evaluate(() => window.tab.ended);
}

/** Connects to one instance, and keeps its remote and connection in the page. Resolves with the transport. */
export function find(tab: Page, query: string, options: object = {}): Promise<string> {
  return tab.evaluate(
    ([query, options]) =>
      new Promise<string>((resolve, reject) => {
        const caller = window.dservice.default(options);
        window.tab.caller = caller;
        // As in `Globals`.
        // oxlint-disable-next-line no-explicit-any
        caller.dnodeFor(query, (error: any, remote: any, d: any) => {
          if (error !== null) return reject(new Error(`${error.code}: ${error.message}`));
          Object.assign(window.tab, { remote, d });
          resolve(d.session.peer.transport);
        });
      }),
    [query, options] as const,
  );
}

/** Waits until the session that `find` made goes over that transport. */
export async function reachedBy(tab: Page, transport: string): Promise<void> {
  await tab.waitForFunction(
    (wanted) => window.tab.d.session.peer.transport === wanted && !window.tab.d.session.away,
    transport,
    { timeout: 20_000 },
  );
}

/** Calls a method of what `find` found. */
export function call(tab: Page, method: string, ...args: unknown[]): Promise<unknown> {
  return tab.evaluate(([method, args]) => window.tab.remote[method](...args), [
    method,
    args,
  ] as const);
}

/** How many of so many callbacks, called all at once by what `find` found, came; and how many were out of order. */
export function burst(
  tab: Page,
  count: number,
): Promise<{ came: number; answered: number; wrong: number }> {
  return tab.evaluate(async (count) => {
    let came = 0;
    let wrong = 0;
    const answered = await window.tab.remote.burst(count, (n: number) => {
      if (n !== came++) wrong++;
      return n;
    });
    return { came, answered, wrong };
  }, count);
}

/** Keeps calls going from now on, 16 at a time, until `settle`. */
export async function load(tab: Page): Promise<void> {
  await tab.evaluate(() => {
    const { tab } = window;
    Object.assign(tab, { going: true, ok: 0, failed: [] as string[] });
    const loop = async (): Promise<void> => {
      while (tab.going) {
        try {
          const sent = `${Math.random()}`;
          if ((await tab.remote.echo(sent)) === sent) tab.ok++;
          else tab.failed.push('wrong');
        } catch (error) {
          tab.failed.push(String(error));
          await new Promise((resolve) => setTimeout(resolve, 10));
        }
      }
    };
    tab.loops = Promise.all(Array.from({ length: 16 }, loop));
  });
}

/** Waits until so many calls more have succeeded. */
export async function more(tab: Page, count: number): Promise<void> {
  const before = await tab.evaluate(() => window.tab.ok as number);
  await tab.waitForFunction((goal) => window.tab.ok >= goal, before + count, {
    timeout: 45_000,
  });
}

export function settle(tab: Page): Promise<{ ok: number; failed: string[] }> {
  return tab.evaluate(async () => {
    const { tab } = window;
    tab.going = false;
    await tab.loops;
    return { ok: tab.ok, failed: tab.failed };
  });
}
