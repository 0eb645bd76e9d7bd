import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { buildSync } from 'esbuild';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cannotMakeNetworks, Network } from '../scripts/netns.mjs';
import { channelSuite } from '../src/testing/channel-suite.js';

const why = cannotMakeNetworks();

interface Said {
  readonly result?: unknown;
  readonly name?: string;
  readonly error?: string;
  readonly signal?: unknown;
  readonly open?: string;
}

// WebRTC looks at every interface, so not even one process alone does without a network of its own.
describe.skipIf(why !== undefined)(`@roamhq/wrtc${why === undefined ? '' : `: ${why}`}`, () => {
  let network: Network;
  // Where the package is found.
  const folder = mkdtempSync(join(import.meta.dirname, '../node_modules/.webrtc-'));
  const agent = join(folder, 'agent.mjs');

  beforeAll(() => {
    network = new Network();
    buildSync({
      entryPoints: [join(import.meta.dirname, 'fixtures/webrtc-agent.ts')],
      outfile: agent,
      bundle: true,
      platform: 'node',
      format: 'esm',
      packages: 'external',
      logLevel: 'error',
    });
  });
  afterAll(async () => {
    await network?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  function start(
    ...args: string[]
  ): ChildProcess & { until(is: (it: Said) => boolean): Promise<Said> } {
    const child = network.start([process.execPath, agent, ...args], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const said: Said[] = [];
    let look = (): void => {};
    const closed = once(child, 'close');
    if (child.stdout === null) throw new Error('the agent has no output');
    createInterface({ input: child.stdout }).on('line', (line) => {
      said.push(JSON.parse(line) as Said);
      look();
    });
    const until = (is: (it: Said) => boolean): Promise<Said> =>
      new Promise((resolve, reject) => {
        // Else a test would only say that it took too long. What it said before arrives before this.
        void closed.then(([code]) => reject(new Error(`the agent ended with ${code}`)));
        look = () => {
          const found = said.find(is);
          if (found !== undefined) resolve(found);
        };
        look();
      });
    return Object.assign(child, { until });
  }

  /** Runs to the end: what it said last, and its code. The test's own timeout bounds it. */
  async function run(
    way: string,
  ): Promise<{ result: unknown; code: number | null; after: number }> {
    const child = start(way);
    const exit = once(child, 'exit');
    const { result } = await child.until((it) => 'result' in it);
    const before = performance.now();
    const [code] = (await exit) as [number | null];
    return { result, code, after: performance.now() - before };
  }

  describe('the suite', () => {
    let suite: ReturnType<typeof start>;
    beforeAll(() => {
      suite = start('suite');
    });
    const refuse = () => Promise.reject(new Error('this only tells the names'));
    channelSuite({
      test: (name) =>
        test(name, async () => {
          expect(await suite.until((it) => it.name === name)).toEqual({ name });
        }),
      setup: refuse,
      supports: { holdBack: false },
    });
  });

  test.each([
    ['close', [1, 1, true]],
    ['destroy', ['the data channel was closed without a bye', true]],
    ['bulk', true],
    ['cancel', 'ERR_CANCELLED'],
    ['timeout', 'ERR_TIMEOUT'],
    ['nothing', 'function'],
    ['rubbish', Array.from({ length: 5 }, () => 'ERR_CONNECT')],
  ])('%s: as it should, and the process ends by itself', async (way, expected) => {
    const { result, code, after } = await run(way);
    expect([result, code]).toEqual([expected, 0]);
    expect(after).toBeLessThan(3_000);
  });

  test('a process that is killed is told', async () => {
    const [a, b] = [start('peer', 'true'), start('peer', 'false')];
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const) {
      if (from.stdout === null) throw new Error('the agent has no output');
      createInterface({ input: from.stdout }).on('line', (line) => {
        const { signal } = JSON.parse(line) as Said;
        if (signal !== undefined) to.stdin?.write(`${JSON.stringify(signal)}\n`);
      });
    }
    await Promise.all([a, b].map((it) => it.until(({ open }) => open === 'webrtc')));
    const ended = once(b, 'exit');
    a.kill('SIGKILL');
    const { result } = await b.until((it) => 'result' in it);
    expect(result).not.toBe('orderly');
    expect(await ended).toEqual([0, null]);
  });
});
