import { DserviceError } from '../../errors.js';
import { gone } from '../listed.js';
import type { Consumer, Producer } from './ends.js';
import { isNodeReadable, isNodeWritable, nodeConsumer, nodeProducer } from './node-shape.js';

/** What a stream is made again as at the peer: docs/protocol.md. */
export type ReadableKind = 'iterable' | 'readable' | 'bytes' | 'blob';
export type StreamKind = ReadableKind | 'writable';

/** A blob's, or a file's. */
export interface BlobInfo {
  readonly size: number;
  readonly type: string;
  readonly name?: string;
  readonly lastModified?: number;
}

/** A stream that may be sent. */
export class Outgoing {
  readonly kind: StreamKind;
  /** Takes it: nobody else reads or writes it from here on. Throws why where somebody does. */
  readonly open: () => Producer | Consumer;
  readonly info: BlobInfo | undefined;

  constructor(kind: StreamKind, open: () => Producer | Consumer, info?: BlobInfo) {
    this.kind = kind;
    this.open = open;
    this.info = info;
  }
}

/** Two streams, as they stand in a TransformStream or a Duplex. */
export interface Pair {
  readonly readable: unknown;
  readonly writable: unknown;
}

/** Iterators and Node streams that were sent: the web's streams are locked instead. */
const taken = new WeakSet<object>();

/** What a value is if it is a stream, else undefined. By its shape where its class may be another copy's. */
export function outgoing(value: object): Outgoing | Pair | undefined {
  if (value instanceof Outgoing) return value;
  if (isReadable(value)) return ofReadable(value);
  if (isWritable(value)) return new Outgoing('writable', () => ofWritable(value));
  if (typeof TransformStream === 'function' && value instanceof TransformStream) {
    return { readable: value.readable, writable: value.writable };
  }
  if (typeof Blob === 'function' && value instanceof Blob) return ofBlob(value);
  const [reads, writes] = [isNodeReadable(value), isNodeWritable(value)];
  if (reads && writes) {
    return { readable: ofNodeReadable(value), writable: ofNodeWritable(value) };
  }
  if (reads) return ofNodeReadable(value);
  if (writes) return ofNodeWritable(value);
  return isIterable(value) ? new Outgoing('iterable', () => ofIterable(value)) : undefined;
}

/** Whether there is a stream in it, or what was moved, that cannot be sent a second time. Looks at few values: those of a call. */
export function isSpent(value: unknown, depth = 4): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (gone.has(ArrayBuffer.isView(value) ? value.buffer : value)) return true;
  if (isReadable(value) || isWritable(value)) return value.locked;
  if (taken.has(value)) return true;
  if (typeof TransformStream === 'function' && value instanceof TransformStream) {
    return value.readable.locked || value.writable.locked;
  }
  if (depth === 0 || ArrayBuffer.isView(value)) return false;
  const inner: Iterable<unknown> =
    value instanceof Map || value instanceof Set ? [...value].flat() : Object.values(value);
  for (const item of inner) if (isSpent(item, depth - 1)) return true;
  return false;
}

function isReadable(value: object): value is ReadableStream<unknown> {
  return typeof ReadableStream === 'function' && value instanceof ReadableStream;
}

function isWritable(value: object): value is WritableStream<unknown> {
  return typeof WritableStream === 'function' && value instanceof WritableStream;
}

function isIterable(value: object): value is AsyncIterable<unknown> {
  return typeof (value as Partial<AsyncIterable<unknown>>)[Symbol.asyncIterator] === 'function';
}

function take(value: object): void {
  if (taken.has(value)) throw spent('was sent before');
  taken.add(value);
}

/** Where it stands is known to who sends it. */
function spent(why: string): Error {
  return new Error(`the stream ${why}`);
}

function ofIterable(iterable: AsyncIterable<unknown>): Producer {
  const iterator = iterable[Symbol.asyncIterator]();
  // Who has a new iterator each time may be sent again.
  const once = Object.is(iterator, iterable);
  if (once) take(iterable);
  return {
    next: async () => {
      const result: unknown = await iterator.next();
      if (typeof result === 'object' && result !== null) return result as IteratorResult<unknown>;
      throw new DserviceError('ERR_DATA', 'the iterator does not return results');
    },
    stop: () => iterator.return?.(),
    release: () => void (once && taken.delete(iterable)),
  };
}

function ofReadable(stream: ReadableStream<unknown>): Outgoing {
  return new Outgoing(isByteStream(stream) ? 'bytes' : 'readable', () => {
    if (stream.locked) throw spent('is locked');
    const reader = stream.getReader();
    // Its errors are told to who reads.
    reader.closed.catch(() => {});
    return {
      next: async () => {
        const result = await reader.read();
        return result.done ? { done: true, value: undefined } : result;
      },
      stop: (reason) => reader.cancel(reason),
      release: () => reader.releaseLock(),
    };
  });
}

function isByteStream(stream: ReadableStream<unknown>): boolean {
  if (stream.locked) return false;
  try {
    stream.getReader({ mode: 'byob' }).releaseLock();
    return true;
  } catch {
    return false;
  }
}

function ofWritable(stream: WritableStream<unknown>): Consumer {
  if (stream.locked) throw spent('is locked');
  const writer = stream.getWriter();
  // Told to who writes.
  for (const promise of [writer.closed, writer.ready]) promise.catch(() => {});
  return {
    write: (value) => writer.write(value),
    close: () => writer.close(),
    abort: (reason) => writer.abort(reason),
    release: () => writer.releaseLock(),
  };
}

function ofBlob(blob: Blob): Outgoing {
  const { size, type } = blob;
  const file = typeof File === 'function' && blob instanceof File ? blob : undefined;
  const info = file
    ? { size, type, name: file.name, lastModified: file.lastModified }
    : { size, type };
  const open = (): Producer => {
    let at = 0;
    return {
      next: async () => {
        if (at >= size) return { done: true, value: undefined };
        const bytes = await blob.slice(at, (at += 64 * 1024)).arrayBuffer();
        return { done: false, value: new Uint8Array(bytes) };
      },
      stop: () => {},
      release: () => {},
    };
  };
  return new Outgoing('blob', open, info);
}

function ofNodeReadable(stream: object): Outgoing {
  const { readableObjectMode, readableEncoding } = stream as Record<string, unknown>;
  const bytes = readableObjectMode !== true && (readableEncoding ?? null) === null;
  return new Outgoing(bytes ? 'bytes' : 'readable', () => {
    take(stream);
    return nodeProducer(stream, () => taken.delete(stream));
  });
}

const writing = new WeakSet<object>();

function ofNodeWritable(stream: object): Outgoing {
  return new Outgoing('writable', () => {
    // The two halves of a Duplex are taken one by one.
    if (writing.has(stream)) throw spent('was sent before');
    writing.add(stream);
    return nodeConsumer(stream, () => writing.delete(stream));
  });
}

/** Tells a stream that nobody will read or write it: it stood in an outcome that is not sent. */
export function discard(value: unknown, deep = true): void {
  if (typeof value !== 'object' || value === null) return;
  const error = new DserviceError('ERR_CANCELLED', 'the stream was not sent');
  try {
    const stream = outgoing(value);
    if (stream instanceof Outgoing) {
      const opened = stream.open();
      const told = 'write' in opened ? opened.abort(error) : opened.stop(error);
      Promise.resolve(told).catch(() => {});
    } else if (stream !== undefined || deep) {
      for (const inner of Object.values(stream ?? value)) discard(inner, false);
    }
  } catch {
    // Somebody else has it.
  }
}

/** An api is sent to each that connects: a stream in it would be the first one's. Throws ERR_DATA. */
export function refuseStream(value: object): undefined {
  if (outgoing(value) === undefined) return;
  throw new DserviceError('ERR_DATA', 'a stream cannot stand in an api: return it');
}
