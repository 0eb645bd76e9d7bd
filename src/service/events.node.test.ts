import { expect, test } from 'vitest';
import { makeHost, silent } from '../testing/fixtures/instances.js';

test('a listener is heard on after what nobody holds was collected', async () => {
  const { make, dservice } = makeHost();
  const shop = make('shop@1.0.0', {}, { logger: silent });
  await shop.start();
  const heard: unknown[] = [];
  await dservice().on('shop', 'sold', (what) => void heard.push(what)).ready;
  for (let i = 0; i < 10; i++) {
    globalThis.gc?.();
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(await shop.emit('sold', 1)).toEqual([{ service: undefined }]);
  expect(heard).toEqual([1]);
});
