import type { Consumer, Producer } from './ends.js';

// Node's streams by their shape: this part of the package knows no runtime.

interface NodeStream {
  on(event: string, listener: (error: Error) => void): unknown;
  destroy(error?: Error): unknown;
}

interface NodeReadable extends NodeStream, AsyncIterable<unknown> {}

interface NodeWritable extends NodeStream {
  write(value: unknown, done: (error?: Error | null) => void): boolean;
  end(done: (error?: Error | null) => void): unknown;
}

function has(value: object, ...methods: (string | symbol)[]): boolean {
  return methods.every((name) => typeof Reflect.get(value, name) === 'function');
}

export function isNodeReadable(value: object): boolean {
  return has(value, 'on', 'pipe', 'read', 'destroy', Symbol.asyncIterator);
}

export function isNodeWritable(value: object): boolean {
  return has(value, 'on', 'pipe', 'write', 'end', 'destroy');
}

/** Of a `Readable`. It is destroyed when it is not read to its end. */
export function nodeProducer(value: object, release: () => void): Producer {
  const stream = value as NodeReadable;
  let iterator: AsyncIterator<unknown> | undefined;
  // Told to who reads. Without a listener it would end the process.
  stream.on('error', () => {});
  return {
    next: async () => (iterator ??= stream[Symbol.asyncIterator]()).next(),
    stop: (reason) => void stream.destroy(reason instanceof Error ? reason : undefined),
    release,
  };
}

/** Of a `Writable`: a write is through when its callback was called. */
export function nodeConsumer(value: object, release: () => void): Consumer {
  const stream = value as NodeWritable;
  let failed: Error | undefined;
  const fails = new Set<(error: Error) => void>();
  const fail = (error: Error): void => {
    failed ??= error;
    for (const reject of fails) reject(failed);
    fails.clear();
  };
  stream.on('error', fail);
  // Closed before it was through, it calls nobody back.
  stream.on('close', () => fail(new Error('the stream was closed')));
  const settled = (run: (done: (error?: Error | null) => void) => unknown): Promise<void> =>
    new Promise((resolve, reject) => {
      if (failed !== undefined) return reject(failed);
      fails.add(reject);
      run((error) => {
        fails.delete(reject);
        if (error) reject(error);
        else resolve();
      });
    });
  return {
    write: (item) => settled((done) => stream.write(item, done)),
    close: () => settled((done) => stream.end(done)),
    abort: (reason) => {
      stream.destroy(reason instanceof Error ? reason : undefined);
      return Promise.resolve();
    },
    release,
  };
}
