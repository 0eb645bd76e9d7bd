// Ours over a MessagePort: the server is a worker thread of the client's process.
import { isMainThread, workerData } from 'node:worker_threads';
import { dial, serve } from 'dservice';
import { api } from './api.mjs';
import { openPort } from './port.mjs';

if (!isMainThread && workerData?.subject === import.meta.url) {
  await serve(api, workerData.port);
}

export async function connect() {
  const { port, end } = openPort(import.meta.url);
  const remote = await dial(port);
  return {
    shout: (text) => remote.shout(text),
    echo: (object) => remote.echo(object),
    close: end,
  };
}
