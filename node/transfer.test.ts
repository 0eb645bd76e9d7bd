import { fileURLToPath } from 'node:url';
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import { once } from 'node:events';
import { buildSync } from 'esbuild';
import { expect, onTestFinished, test } from 'vitest';
import { dial, sessionOf, transfer } from './index.js';

interface Mover {
  fill(bytes: Uint8Array<ArrayBuffer>): { bytes: Uint8Array<ArrayBuffer> };
  greet(port: MessagePort): void;
  read(stream: ReadableStream<string>): Promise<string[]>;
  end(): void;
}

const program = `
  import { parentPort } from 'node:worker_threads';
  import { serve, transfer } from './index.ts';
  serve({
    fill(bytes) {
      bytes.fill(7);
      return transfer({ bytes }, [bytes.buffer]);
    },
    greet: (port) => port.postMessage('hello'),
    async read(stream) {
      const all = [];
      for await (const each of stream) all.push(each);
      return all;
    },
    end: () => void setImmediate(() => process.exit()),
  }, parentPort);`;

/** A thread of its own that runs this package from its sources. */
async function thread() {
  const [built] = buildSync({
    stdin: { contents: program, resolveDir: fileURLToPath(new URL('.', import.meta.url)) },
    ...{ bundle: true, write: false, format: 'cjs', platform: 'node', packages: 'external' },
  }).outputFiles;
  const worker = new Worker(built?.text ?? '', { eval: true });
  onTestFinished(async () => void (await worker.terminate()));
  const remote = await dial<Mover>(worker);
  onTestFinished(() => sessionOf(remote)?.close());
  return { worker, remote };
}

test('a buffer goes to a worker thread and comes back, and is copied nowhere', async () => {
  const { remote } = await thread();
  const bytes = new Uint8Array(300_000);
  const outcome = remote.fill(transfer(bytes, [bytes.buffer]));
  expect([bytes.length, bytes.buffer.byteLength]).toEqual([0, 0]);
  const back = (await outcome).bytes;
  expect([back.length, back[0], back.at(-1)]).toEqual([300_000, 7, 7]);
});

test('a MessagePort goes there, and what is posted comes from there', async () => {
  const { remote } = await thread();
  const { port1, port2 } = new MessageChannel();
  const heard = once(port1, 'message');
  await remote.greet(transfer(port2, [port2]));
  expect(await heard).toEqual(['hello']);
  port1.close();
});

test('a ReadableStream goes as streams do', async () => {
  const { remote } = await thread();
  const stream = new ReadableStream<string>({
    start(controller) {
      for (const word of ['a', 'b']) controller.enqueue(word);
      controller.close();
    },
  });
  expect(await remote.read(transfer(stream, [stream]))).toEqual(['a', 'b']);
});

test('of one that has ended nothing is moved: the call has not left', async () => {
  const { remote, worker } = await thread();
  const gone = once(worker, 'exit');
  await remote.end();
  await gone;
  const bytes = new Uint8Array(1_000);
  await expect(remote.fill(transfer(bytes, [bytes.buffer]))).rejects.toMatchObject({
    mayHaveRun: false,
  });
  // Nothing left, so nothing was moved.
  expect(bytes.length).toBe(1_000);
});
