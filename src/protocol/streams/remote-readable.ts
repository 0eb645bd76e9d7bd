import type { Inlet } from './inlet.js';

/** A ReadableStream of the peer's. Nothing is asked for until it is read. */
export function remoteReadable(inlet: Inlet, bytes: boolean): ReadableStream<unknown> {
  return bytes ? byteStream(inlet) : valueStream(inlet);
}

function valueStream(inlet: Inlet): ReadableStream<unknown> {
  return new ReadableStream<unknown>(
    {
      start: (controller) => tellFailure(inlet, controller),
      async pull(controller) {
        const { done, value } = await inlet.read(controller);
        if (done === true) controller.close();
        else controller.enqueue(value);
      },
      cancel: (reason) => inlet.cancel(reason),
    },
    { highWaterMark: 0 },
  );
}

function byteStream(inlet: Inlet): ReadableStream<unknown> {
  try {
    return new ReadableStream({
      type: 'bytes',
      start: (controller) => tellFailure(inlet, controller),
      async pull(controller) {
        const { done, value } = await inlet.read(controller);
        if (done !== true) return controller.enqueue(ownBytes(value as Uint8Array));
        controller.close();
        // Who brought a buffer gets it back.
        controller.byobRequest?.respond(0);
      },
      cancel: (reason) => inlet.cancel(reason),
    });
  } catch {
    // Not every browser has byte streams.
    return valueStream(inlet);
  }
}

/** Enqueued bytes are transferred: no others may share their buffer. */
function ownBytes(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  // What was decoded never stands in shared memory.
  const own = bytes as Uint8Array<ArrayBuffer>;
  return own.byteLength === own.buffer.byteLength ? own : own.slice();
}

interface Fails {
  error(reason: unknown): void;
}

/** Not by a reference that keeps the stream: who forgets it has read enough. */
function tellFailure(inlet: Inlet, controller: Fails): void {
  const weak = new WeakRef(controller);
  inlet.onFailed = (error) => {
    // A value that came with it is enqueued first.
    void Promise.resolve().then(() => weak.deref()?.error(error));
  };
}
