import { MessageChannel, Worker } from 'node:worker_threads';

/** A port to a worker thread that runs the subject at `url`, which finds the other end in its `workerData`. */
export function openPort(url) {
  const { port1, port2 } = new MessageChannel();
  const worker = new Worker(new URL(url), {
    workerData: { subject: url, port: port2 },
    transferList: [port2],
  });
  return {
    port: port1,
    async end() {
      port1.close();
      await worker.terminate();
    },
  };
}
