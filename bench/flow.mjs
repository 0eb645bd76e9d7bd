import { chunk, octets } from './bulk.mjs';

/** `total` bytes in chunks of 64 KiB, as they are asked for. Runs in pages too. */
export function flow(total) {
  const data = octets();
  let left = total;
  return new ReadableStream(
    {
      pull(controller) {
        if (left <= 0) return controller.close();
        left -= chunk;
        controller.enqueue(data);
      },
    },
    { highWaterMark: 1 },
  );
}

/** Reads a stream to its end; resolves with how many bytes it had. */
export async function drain(stream) {
  let size = 0;
  for await (const bytes of stream) size += bytes.length;
  return size;
}
