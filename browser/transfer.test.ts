import { expect, test } from 'vitest';
import { dial, serve, transfer } from './index.js';

test('a canvas is painted on at the other side, and a bitmap of it comes back', async () => {
  const { port1, port2 } = new MessageChannel();
  const api = {
    paint(canvas: OffscreenCanvas, colour: string) {
      const context = canvas.getContext('2d');
      if (context === null) throw new Error('no context');
      context.fillStyle = colour;
      context.fillRect(0, 0, canvas.width, canvas.height);
      const bitmap = canvas.transferToImageBitmap();
      return transfer({ bitmap }, [bitmap]);
    },
  };
  await using _server = await serve(api, port1);
  using remote = await dial<typeof api>(port2);
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [8, 4];
  const offscreen = canvas.transferControlToOffscreen();
  // One that shows what is painted on it goes over as well, but gives no bitmap.
  const error: unknown = await remote
    .paint(transfer(offscreen, [offscreen]), '#f00')
    .catch((it: unknown) => it);
  expect(error).toMatchObject({ name: 'InvalidStateError' });
  const own = new OffscreenCanvas(8, 4);
  const { bitmap } = await remote.paint(transfer(own, [own]), '#0f0');
  expect([bitmap.width, bitmap.height, own.width]).toEqual([8, 4, 0]);
  const shown = new OffscreenCanvas(8, 4).getContext('2d');
  shown?.drawImage(bitmap, 0, 0);
  expect([...(shown?.getImageData(7, 3, 1, 1).data ?? [])]).toEqual([0, 255, 0, 255]);
});
