import type { Inlet } from './inlet.js';

/** Told of what lives as long as a stream: not the stream, since in browsers that object only stands for it. */
type Follow = (life: object) => void;

/** A ReadableStream of the peer's. Nothing is asked for until it is read. `follow` as of `remoteWritable`. */
export function remoteReadable(
  inlet: Inlet,
  bytes: boolean,
  follow: Follow,
): ReadableStream<unknown> {
  return bytes ? byteStream(inlet, follow) : valueStream(inlet, follow);
}

function valueStream(inlet: Inlet, follow: Follow): ReadableStream<unknown> {
  const source: UnderlyingDefaultSource<unknown> & Fails = {
    start: (controller) => void (source.controller = controller),
    async pull(controller) {
      const { done, value } = await inlet.read(controller);
      if (done === true) controller.close();
      else controller.enqueue(value);
    },
    cancel: (reason) => inlet.cancel(reason),
  };
  tellFailure(inlet, source);
  follow(source);
  return new ReadableStream<unknown>(source, { highWaterMark: 0 });
}

function byteStream(inlet: Inlet, follow: Follow): ReadableStream<unknown> {
  const source: UnderlyingByteSource & Fails = {
    type: 'bytes',
    start: (controller) => void (source.controller = controller),
    async pull(controller) {
      const { done, value } = await inlet.read(controller);
      if (done !== true) return controller.enqueue(ownBytes(value as Uint8Array));
      controller.close();
      // Who brought a buffer gets it back.
      controller.byobRequest?.respond(0);
    },
    cancel: (reason) => inlet.cancel(reason),
  };
  try {
    const stream = new ReadableStream(source);
    tellFailure(inlet, source);
    follow(source);
    return stream;
  } catch {
    // Not every browser has byte streams.
    return valueStream(inlet, follow);
  }
}

/** Enqueued bytes are transferred: no others may share their buffer. */
function ownBytes(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  // What was decoded never stands in shared memory.
  const own = bytes as Uint8Array<ArrayBuffer>;
  return own.byteLength === own.buffer.byteLength ? own : own.slice();
}

interface Fails {
  controller?: { error(reason: unknown): void };
}

/** Not by a reference that keeps the stream: who forgets it has read enough. */
function tellFailure(inlet: Inlet, source: Fails): void {
  const weak = new WeakRef(source);
  inlet.onFailed = (error) => {
    // A value that came with it is enqueued first.
    void Promise.resolve().then(() => weak.deref()?.controller?.error(error));
  };
}
