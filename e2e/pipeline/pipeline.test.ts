import { beforeEach, expect, test } from 'vitest';
import {
  chargeModule,
  endsWell,
  manyOrders,
  oldScript,
  orderModule,
  orderScript,
  Place,
  pusher,
  sharingWorker,
  shipModule,
  slowWorker,
} from './programs.js';

let place: Place;
beforeEach(async () => void (place = await Place.make()));

test.each([
  ['ESM', 'orders.mjs', orderModule],
  ['CommonJS', 'orders.cjs', orderScript],
])('the pipeline of the README, as written: %s', async (_, name, text) => {
  expect((await endsWell(await place.runs(name, text))).out).toBe('finished\n');
  expect(await place.lines('charged.txt')).toEqual(['order-17']);
  expect(await place.lines('shipped.txt')).toEqual(['order-17']);
  // The same id is the same order, also in another process.
  expect((await endsWell(place.again(name))).out).toBe('finished\n');
  expect(await place.lines('charged.txt')).toEqual(['order-17']);
});

test('steps as in 2013: modules by path, callbacks, an error that is tried again', async () => {
  await place.write('package.json', '{}');
  await place.write('charge.js', chargeModule);
  await place.write('ship.js', shipModule);
  expect((await endsWell(await place.runs('orders.js', oldScript))).out).toBe('finished\n');
  expect(await place.lines('charged.txt')).toEqual(['order-17', 'order-17']);
  expect(await place.lines('shipped.txt')).toEqual(['order-17']);
});

test('kill -9 in the middle, and again: every order is charged and shipped', async () => {
  const count = 400;
  await place.write('orders.mjs', manyOrders);
  for (const shipped of [20, 50, 30]) {
    const worker = place.again('orders.mjs', String(count));
    await worker.says(`shipped ${shipped} `);
    worker.kill('SIGKILL');
    expect(await worker.ended).toMatchObject({ signal: 'SIGKILL' });
  }
  const last = await endsWell(place.again('orders.mjs', String(count)));
  expect(last.out).toMatch(/^states finished$/m);
  const ids = Array.from({ length: count }, (_, i) => `order-${i}`).sort();
  const charged = await place.lines('charged.txt');
  const shipped = await place.lines('shipped.txt');
  expect([...new Set(charged)].sort()).toEqual(ids);
  expect([...new Set(shipped)].sort()).toEqual(ids);
  // What is done again is what a killed one had in hand: 16 of each step at most.
  expect(charged.length).toBeLessThanOrEqual(count + 3 * 16);
  expect(shipped.length).toBeLessThanOrEqual(count + 3 * 16);
  expect(await place.json()).toEqual([{ pipeline: 'orders', dead: 0, queues: [] }]);
});

test('dservice queues, in another process while a worker works', async () => {
  const nothing = await place.cli().ended;
  expect(nothing).toMatchObject({ code: 0, out: '' });
  expect(nothing.err).toContain('there is no folder .dservice');
  const worker = await place.runs('worker.mjs', slowWorker);
  await worker.says('begins order-2');
  const { out, err } = await place.cli().ended;
  expect(err).toBe('');
  expect(out).toMatch(/^PIPELINE +QUEUE +INPUT +HELD +WORKING +WAITING +DEAD +OLDEST$/m);
  expect(out).toMatch(/^orders +charge +1 +0 +1 +0 +1 +[\d.]+ s$/m);
  expect(out.split('\n').filter((line) => line.length > 80)).toEqual([]);
  expect(await place.json('peek', 'orders', 'charge')).toMatchObject([
    { id: 'order-3', data: { sku: 'a-3' } },
  ]);
  expect(await place.json('dead', 'orders')).toMatchObject([
    { id: 'order-1', error: { code: 'ECARD', message: 'no funds' } },
  ]);

  const watch = place.cli('--watch');
  await watch.says(/^orders charge: input 1, working 1, dead 1,/m);
  const again = await endsWell(place.cli('redrive', 'orders', '--code', 'ECARD', '--no-reset'));
  expect(again.out).toBe('1 command is in its queue again.\n');
  await watch.says(/^orders charge: input 2, working 1, oldest/m);
  // The worker goes on as if nobody had looked.
  for (const next of ['order-3', 'order-1']) {
    worker.kill('SIGUSR2');
    await worker.says(`begins ${next}`);
  }
  worker.kill('SIGUSR2');
  await watch.says(/^orders charge: empty$/m);
  watch.kill('SIGINT');
  expect(await watch.ended).toMatchObject({ signal: 'SIGINT', err: '' });
  worker.kill('SIGTERM');
  await endsWell(worker);
});

test('two processes share a folder: what one pushes the others do, once', async () => {
  const workers = await Promise.all([1, 2].map((i) => place.runs(`${i}.mjs`, sharingWorker)));
  for (const worker of workers) await worker.says('works');
  const { out } = await endsWell(await place.runs('pusher.mjs', pusher));
  expect(out).toBe('0 queues left\n');
  const lines = (await place.lines('charged.txt')).map((line) => line.split(' '));
  expect(new Set(lines.map(([id]) => id)).size).toBe(100);
  expect(lines).toHaveLength(100);
  expect(new Set(lines.map(([, pid]) => pid)).size).toBe(2);
  for (const worker of workers) {
    worker.kill('SIGTERM');
    await endsWell(worker);
  }
});
