import { Readable, Writable } from 'node:stream';
import { chunk, octets } from './bulk.mjs';

/** `total` bytes in chunks of 64 KiB, as they are asked for. */
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

/** The same as Node's streams. */
export function nodeFlow(total) {
  const data = Buffer.from(octets());
  let left = total;
  return new Readable({
    highWaterMark: chunk,
    read() {
      left -= chunk;
      this.push(left < 0 ? null : data);
    },
  });
}

export function nodeDrain() {
  let size = 0;
  return new Writable({
    highWaterMark: chunk,
    write(bytes, _, done) {
      size += bytes.length;
      done();
    },
    final(done) {
      this.size = size;
      done();
    },
  });
}
