import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Builder, Capabilities, type WebDriver } from 'selenium-webdriver';
import { webkitDriverPath, xvfbPath } from '../../scripts/engines.mjs';
import { type Browser, type Engine, expression, needed, outcome, type Page } from './browser.js';
import { startTool, type Tool } from './tool.js';

/** WebKitGTK's MiniBrowser, by its own driver, on a screen that nobody sees. */
export const webkit: Engine = {
  webRtc: false,
  async launch(): Promise<Browser> {
    const [driverPath, screenPath] = [needed(webkitDriverPath()), needed(xvfbPath())];
    const home = await mkdtemp(join(tmpdir(), 'dservice-webkit-'));
    const tools: Tool[] = [];
    const end = async (): Promise<void> => {
      // Last come, first gone.
      for (const tool of tools.reverse()) await tool.end();
      await rm(home, { recursive: true, force: true });
    };
    try {
      const screen = startTool(screenPath, ['-displayfd', '1', '-screen', '0', '800x600x24']);
      tools.push(screen);
      const env = environment(home, await screen.said);
      const port = await freePort();
      const server = startTool(driverPath, [`--port=${port}`], env);
      tools.push(server);
      await listens(port, server);
      // With an address, selenium looks for no driver, and fetches none.
      const driver = await new Builder()
        .usingServer(`http://127.0.0.1:${port}`)
        .withCapabilities(new Capabilities({ browserName: 'MiniBrowser' }))
        .build();
      await driver.manage().setTimeouts({ script: 60_000, pageLoad: 60_000 });
      return browserOf(driver, await driver.getWindowHandle(), end);
    } catch (error) {
      await end();
      throw error;
    }
  },
};

/** A home of its own, no desktop, no bus that would be started. */
function environment(home: string, display: string): NodeJS.ProcessEnv {
  const { WAYLAND_DISPLAY: _, ...rest } = process.env;
  return {
    ...rest,
    ...{ HOME: home, XDG_CONFIG_HOME: home, XDG_CACHE_HOME: home, XDG_DATA_HOME: home },
    ...{ XDG_RUNTIME_DIR: home, DISPLAY: `:${display}`, GDK_BACKEND: 'x11' },
    ...{ DBUS_SESSION_BUS_ADDRESS: 'disabled:', NO_AT_BRIDGE: '1', GSETTINGS_BACKEND: 'memory' },
  };
}

function browserOf(driver: WebDriver, first: string, end: () => Promise<void>): Browser {
  // The driver has one window at a time in hand: choosing it and using it are one step.
  let last: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const mine = last.then(work, work);
    last = mine.catch(() => {});
    return mine;
  };
  return {
    open: (url) =>
      inTurn(async () => {
        // The first window stays as it is: a page that closes leaves the driver without one in hand.
        await driver.switchTo().window(first);
        await driver.switchTo().newWindow('tab');
        const handle = await driver.getWindowHandle();
        await driver.get(url);
        return pageOf(driver, (work) =>
          inTurn(async () => {
            await driver.switchTo().window(handle);
            return work();
          }),
        );
      }),
    async close() {
      await driver.quit().catch(() => {});
      await end();
    },
  };
}

function pageOf(driver: WebDriver, inside: <T>(work: () => Promise<T>) => Promise<T>): Page {
  return {
    async evaluate(body, given) {
      const script = `${expression(body, given)}.then(arguments[arguments.length - 1]);`;
      return outcome(await inside(() => driver.executeAsyncScript(script)));
    },
    close: () => inside(() => driver.close()),
  };
}

/** A port that nobody has now: the driver does not tell which one it was given. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  // It listens on TCP.
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Resolves once a port is open: the driver says nothing when it is. Rejects if the driver ends before. */
async function listens(port: number, server: Tool): Promise<void> {
  while (server.alive()) {
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => resolve(true));
      socket.once('error', () => resolve(false));
      socket.once('connect', () => socket.destroy());
    });
    if (open) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  await server.said;
}
