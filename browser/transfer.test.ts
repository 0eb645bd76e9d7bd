import { expect, test } from 'vitest';
import { paint } from './fixtures/paint.js';
import { dial, serve, transfer } from './index.js';

test('a canvas is painted on at the other side, and a bitmap of it comes back', async () => {
  const { port1, port2 } = new MessageChannel();
  const api = { paint };
  await using _server = await serve(api, port1);
  using remote = await dial<typeof api>(port2);
  const element = document.createElement('canvas');
  [element.width, element.height] = [8, 4];
  const behind = element.transferControlToOffscreen();
  const red = await remote.paint(transfer(behind, [behind]), '#f00');
  const own = new OffscreenCanvas(8, 4);
  const green = await remote.paint(transfer(own, [own]), '#0f0');
  expect([own.width, green.bitmap.width, green.bitmap.height]).toEqual([0, 8, 4]);
  expect([pixel(red.bitmap), pixel(green.bitmap)]).toEqual([
    [255, 0, 0, 255],
    [0, 255, 0, 255],
  ]);
});

function pixel(bitmap: ImageBitmap): number[] {
  const context = new OffscreenCanvas(8, 4).getContext('2d');
  context?.drawImage(bitmap, 0, 0);
  return [...(context?.getImageData(7, 3, 1, 1).data ?? [])];
}
