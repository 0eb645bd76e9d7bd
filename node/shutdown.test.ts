import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import type { DiscoveryEvent } from '../src/discovery/discovery.js';
import { Children } from './fixtures/children.js';
import { dservice } from './fixtures/local.js';
import { freePort } from './mdns/fixtures/record.js';
import { mdns } from './mdns/mdns.js';

// Processes take their time to start on a busy machine.
vi.setConfig({ testTimeout: 20_000 });

let children: Children;
beforeAll(() => void (children = new Children()));
afterAll(() => children.close());

/** A program that serves `a`, whose `wait` answers after so many ms. */
const service = (port: number, rest = '') => `
  const discovery = mdns({ reach: 'local', port: ${port} });
  const service = dservice('a', {
    who: () => process.pid,
    wait: (ms) => new Promise((done) => setTimeout(done, ms, process.pid)),
  }, { discovery });
  ${rest}
  service.start().then(() => console.log('up ' + service.endpoints.join(' ')));
`;

async function setup(rest = '') {
  const port = await freePort();
  const child = children.start(service(port, rest));
  await child.line(/^up/);
  const discovery = mdns({ reach: 'local', port });
  const caller = dservice({ discovery });
  onTestFinished(async () => {
    await caller.stop();
    await discovery.close();
  });
  const events: DiscoveryEvent[] = [];
  const looks = new Set<() => void>();
  discovery.browse('a', (event) => {
    events.push(event);
    for (const look of [...looks]) look();
  });
  /** Resolves when that many such events have come. */
  const until = (type: DiscoveryEvent['type'], state?: string, count = 1): Promise<void> =>
    new Promise((resolve) => {
      const look = (): void => {
        const found = events.filter(
          (it) => it.type === type && (state === undefined || it.record.state === state),
        );
        if (found.length < count) return;
        looks.delete(look);
        resolve();
      };
      looks.add(look);
      look();
    });
  const remote = await caller.connect('a');
  expect(await remote.who()).toBe(child.process.pid);
  return { child, remote, until, events };
}

describe.each(['SIGTERM', 'SIGINT'] as const)('%s', (signal) => {
  test('drains, says goodbye, and the process dies by it', async () => {
    const { child, remote, until, events } = await setup();
    const call = remote.wait(300);
    await remote.who();
    child.process.kill(signal);
    // Without the goodbye, its record would be believed for two minutes.
    await until('down');
    expect(await call).toBe(child.process.pid);
    expect(await child.ended).toEqual({ code: null, signal });
    expect(events.map(({ type }) => type).filter((type) => type !== 'update')).toEqual([
      'up',
      'down',
    ]);
    expect(child.errors).toBe('');
  });

  test('is left to a program that handles it', async () => {
    const { child, remote } = await setup(`process.on('${signal}', () => console.log('mine'));`);
    child.process.kill(signal);
    await child.line(/^mine/);
    expect(await remote.who()).toBe(child.process.pid);
    child.process.kill('SIGKILL');
    await child.ended;
  });

  test('a second one ends it at once', async () => {
    const { child, remote, until } = await setup();
    const call = remote.wait(60_000);
    call.catch(() => {});
    await remote.who();
    child.process.kill(signal);
    await until('update', 'draining');
    child.process.kill(signal);
    expect(await child.ended).toEqual({ code: null, signal });
    await expect(call).rejects.toMatchObject({ code: 'ERR_CONNECTION_LOST', mayHaveRun: true });
  });
});

test('once it was stopped, a service leaves signals alone', async () => {
  const { child } = await setup(`process.stdin.on('data', async () => {
    await service.stop();
    console.log('stopped ' + process.listenerCount('SIGTERM') + process.listenerCount('SIGINT'));
    process.exit();
  });`);
  child.process.stdin?.write('stop\n');
  expect(await child.line(/^stopped/)).toBe('stopped 00');
});

test('several services of one process all leave', async () => {
  const { child, until } = await setup(`
    const other = dservice('a', { who: () => process.pid }, { discovery });
    other.start();`);
  await until('up', 'up', 2);
  child.process.kill('SIGTERM');
  await until('down', undefined, 2);
  expect(await child.ended).toEqual({ code: null, signal: 'SIGTERM' });
  expect(child.errors).toBe('');
});
