import { describe, expect, onTestFinished, test } from 'vitest';
import { elsewhere, frame } from './fixtures/frames.js';
import type { Mover } from './fixtures/mover.js';
import { dial, transfer, windowPeer } from './index.js';

const here = location.origin;
const page = (origin: string): string =>
  `${origin}/browser/fixtures/mover.html#${encodeURIComponent(here)}`;

/** Where it may go from a page: to a thread of its own, and to other windows. */
const places = {
  'a Worker': async () => {
    const worker = new Worker('/browser/fixtures/mover.ts', { type: 'module' });
    onTestFinished(() => worker.terminate());
    return await dial<Mover>(worker);
  },
  'an iframe': async () => {
    const { element, window } = frame(page(here));
    onTestFinished(() => element.remove());
    return await dial<Mover>(windowPeer(window, here));
  },
  'an iframe of another origin': async () => {
    const { element, window } = frame(page(elsewhere));
    onTestFinished(() => element.remove());
    return await dial<Mover>(windowPeer(window, elsewhere));
  },
  'a popup': async () => {
    const popup = window.open(page(here), '', 'popup');
    if (popup === null) throw new Error('the browser opens no popup');
    onTestFinished(() => popup.close());
    return await dial<Mover>(windowPeer(popup, here));
  },
};

describe.each(Object.entries(places))('to %s and back', (_, open) => {
  test('a buffer, by its view', async () => {
    using remote = await open();
    const bytes = new Uint8Array(300_000);
    const outcome = remote.fill(transfer(bytes, [bytes.buffer]), 7);
    expect([bytes.length, bytes.buffer.byteLength]).toEqual([0, 0]);
    const back = (await outcome).bytes;
    expect([back.length, back[0], back.at(-1)]).toEqual([300_000, 7, 7]);
    // It is somewhere else: that is told, and not an empty one sent.
    await expect(remote.fill(bytes, 1)).rejects.toMatchObject({
      ...{ code: 'ERR_DATA', mayHaveRun: false },
    });
  });

  test('a MessagePort, there and from there', async () => {
    using remote = await open();
    const heard = (port: MessagePort): Promise<unknown> =>
      new Promise((resolve) => (port.onmessage = ({ data }) => resolve(data)));
    const { port1, port2 } = new MessageChannel();
    const first = heard(port1);
    await remote.greet(transfer(port2, [port2]));
    expect(await first).toBe('hello');
    const [port] = await remote.open();
    if (port === undefined) throw new Error('no port came');
    const second = heard(port);
    port.postMessage('you');
    expect(await second).toBe('you!');
    for (const each of [port1, port]) each.close();
  });

  test('a canvas is painted on there, and a bitmap of it comes and goes', async () => {
    using remote = await open();
    const canvas = new OffscreenCanvas(8, 4);
    const { bitmap } = await remote.paint(transfer(canvas, [canvas]), '#0f0');
    expect([canvas.width, bitmap.width, bitmap.height]).toEqual([0, 8, 4]);
    const context = new OffscreenCanvas(8, 4).getContext('2d');
    context?.drawImage(bitmap, 0, 0);
    expect([...(context?.getImageData(7, 3, 1, 1).data ?? [])]).toEqual([0, 255, 0, 255]);
    expect(await remote.sizes(transfer(bitmap, [bitmap]))).toEqual([8, 4]);
    expect([bitmap.width, bitmap.height]).toEqual([0, 0]);
  });

  test('a ReadableStream goes as streams do, listed or not', async () => {
    using remote = await open();
    const words = (): ReadableStream<string> =>
      new ReadableStream({
        start(controller) {
          for (const word of ['a', 'b']) controller.enqueue(word);
          controller.close();
        },
      });
    const listed = words();
    expect(await remote.read(transfer(listed, [listed]))).toEqual(['a', 'b']);
    expect(await remote.read(words())).toEqual(['a', 'b']);
  });
});
