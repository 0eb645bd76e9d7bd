// Comlink over a MessagePort: the server is a worker thread of the client's process.
import { isMainThread, workerData } from 'node:worker_threads';
import { expose, wrap } from 'comlink';
import nodeEndpoint from 'comlink/dist/esm/node-adapter.mjs';
import { api } from './api.mjs';
import { openPort } from './port.mjs';

if (!isMainThread && workerData?.subject === import.meta.url) {
  expose(api, nodeEndpoint(workerData.port));
}

export async function connect() {
  const { port, end } = openPort(import.meta.url);
  const remote = wrap(nodeEndpoint(port));
  return {
    shout: (text) => remote.shout(text),
    echo: (object) => remote.echo(object),
    close: end,
  };
}
