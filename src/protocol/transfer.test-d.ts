import { expectTypeOf, test } from 'vitest';
import type { Remote } from '../service/remote.js';
import { transfer } from './transfer.js';

interface Api {
  open(name: string): MessagePort;
  bitmap(bytes: Uint8Array<ArrayBuffer>): ImageBitmap;
  paint(canvas: OffscreenCanvas, ports: { port: MessagePort }): void;
}
declare const api: Remote<Api>;
declare const port: MessagePort;
declare const canvas: OffscreenCanvas;

test('what is marked keeps its type, and what is moved arrives as what it is', () => {
  const bytes = new Uint8Array(8);
  expectTypeOf(transfer(bytes, [bytes.buffer])).toEqualTypeOf<Uint8Array<ArrayBuffer>>();
  expectTypeOf(transfer({ port, n: 1 }, [port])).toEqualTypeOf<{ port: MessagePort; n: number }>();
  expectTypeOf(api.open('a')).resolves.toEqualTypeOf<MessagePort>();
  expectTypeOf(api.bitmap(transfer(bytes, [bytes.buffer]))).resolves.toEqualTypeOf<ImageBitmap>();
  void api.paint(transfer(canvas, [canvas]), transfer({ port }, [port]));
  // @ts-expect-error A text is no thing that is moved.
  transfer(bytes, ['buffer']);
  // @ts-expect-error The list is an array.
  transfer(bytes, bytes.buffer);
});
