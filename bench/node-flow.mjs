import { Readable, Writable } from 'node:stream';
import { chunk, octets } from './bulk.mjs';

/** As `flow` and `drain`, by Node's streams. */
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
