import { expect, test } from 'vitest';
import type { Channel } from './channel.js';
import type { Direct, DirectOptions } from './direct.js';
import { lazyDirect } from './lazy-direct.js';
import { memoryPair } from './memory.js';

const options: DirectOptions = { initiator: true, peer: {}, send: () => {} };

function setup(result?: Channel) {
  const signals: unknown[] = [];
  let cancels = 0;
  let give: (direct: Direct | undefined) => void = () => {};
  const direct: Direct = () => ({
    channel: result === undefined ? Promise.reject(new Error('none')) : Promise.resolve(result),
    signal: (data) => signals.push(data),
    cancel: () => cancels++,
  });
  const lazy = lazyDirect(() => new Promise((resolve) => (give = resolve)));
  return { lazy, signals, direct, give: (it?: Direct) => give(it), cancels: () => cancels };
}

test('signals that come while it is loaded are kept in order', async () => {
  const [channel] = memoryPair();
  const { lazy, signals, direct, give } = setup(channel);
  const attempt = lazy(options);
  attempt.signal(1);
  attempt.signal(2);
  give(direct);
  expect(await attempt.channel).toBe(channel);
  attempt.signal(3);
  expect(signals).toEqual([1, 2, 3]);
});

test('given up while it is loaded, it is given up then', async () => {
  const { lazy, direct, give, cancels } = setup();
  const attempt = lazy(options);
  attempt.cancel();
  give(direct);
  await expect(attempt.channel).rejects.toThrow('none');
  expect(cancels()).toBe(1);
});

test('where there is none, the attempt fails', async () => {
  const { lazy, give } = setup();
  const attempt = lazy(options);
  give();
  await expect(attempt.channel).rejects.toMatchObject({ code: 'ERR_CONNECT' });
  const broken = lazyDirect(() => Promise.reject(new Error('offline')))(options);
  await expect(broken.channel).rejects.toMatchObject({ code: 'ERR_CONNECT' });
});
