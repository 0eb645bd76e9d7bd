import { playwright } from '@vitest/browser-playwright';
import { defineConfig } from 'vitest/config';
import { chromiumFlags, chromiumPath } from './scripts/chromium.mjs';

const never = ['**/node_modules/**', '**/dist/**', '**/.dist-*/**'];
const chromium = chromiumPath();
const net = '**/*.net.test.ts';
const nodeOnly = '**/*.node.test.ts';
const engines = 'e2e/engines/**/*.test.ts';
const runtimes = 'e2e/runtimes/**/*.test.ts';
/** Several processes and pages that are in networks of their own, or on none. */
const apart = ['pages', 'chaos', 'storm', 'package'].map((each) => `e2e/${each}/**/*.test.ts`);

export default defineConfig({
  test: {
    retry: 0,
    projects: [
      {
        test: {
          name: 'node',
          include: ['src/**/*.test.ts', 'node/**/*.test.ts', 'scripts/**/*.test.ts'],
          exclude: [...never, net],
          execArgv: ['--expose-gc'],
          maxWorkers: '100%',
          // Nothing waits that long, but for a machine that has much else to do.
          testTimeout: 20_000,
        },
      },
      {
        // Real multicast, each file in network namespaces of its own.
        test: {
          name: 'net',
          include: [net],
          exclude: never,
          execArgv: ['--expose-gc'],
          maxWorkers: '100%',
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        // The same files as in Node, but for those named *.node.test.ts.
        optimizeDeps: { include: ['fast-check', 'semver'] },
        test: {
          name: 'browser',
          include: ['src/**/*.test.ts', 'browser/**/*.test.ts'],
          exclude: [...never, net, nodeOnly],
          testTimeout: 20_000,
          browser: {
            enabled: true,
            headless: true,
            screenshotFailures: false,
            provider: playwright({
              launchOptions: {
                ...(chromium === undefined ? {} : { executablePath: chromium }),
                args: chromiumFlags,
              },
            }),
            instances: [{ browser: 'chromium' }],
          },
        },
      },
      {
        test: {
          name: 'apart',
          include: apart,
          exclude: never,
          globalSetup: ['e2e/installed.setup.ts'],
          fileParallelism: false,
          testTimeout: 60_000,
          hookTimeout: 120_000,
        },
      },
      {
        // Several processes and pages against the packed package, on this machine's own loopback.
        test: {
          name: 'e2e',
          include: ['e2e/**/*.test.ts'],
          exclude: [...never, engines, runtimes, ...apart],
          globalSetup: ['e2e/installed.setup.ts'],
          fileParallelism: false,
          testTimeout: 60_000,
          hookTimeout: 120_000,
        },
      },
      {
        // Programs in other runtimes against the packed package; scripts/runtimes/run.mjs runs the other suites there.
        test: {
          name: 'runtimes',
          include: [runtimes],
          exclude: never,
          globalSetup: ['e2e/installed.setup.ts'],
          testTimeout: 60_000,
          hookTimeout: 120_000,
        },
      },
      {
        // Pages in Firefox and WebKitGTK against the packed package, one browser at a time.
        test: {
          name: 'engines',
          include: [engines],
          exclude: never,
          globalSetup: ['e2e/installed.setup.ts'],
          fileParallelism: false,
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
