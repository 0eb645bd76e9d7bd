// A MessagePort without a protocol: one JSON text per call, as the others.
import { isMainThread, workerData } from 'node:worker_threads';
import { answer, makeCaller } from './bare.mjs';
import { openPort } from './port.mjs';

if (!isMainThread && workerData?.subject === import.meta.url) {
  const { port } = workerData;
  port.on('message', (text) => port.postMessage(JSON.stringify(answer(JSON.parse(text)))));
}

export async function connect() {
  const { port, end } = openPort(import.meta.url);
  const { settle, ...client } = makeCaller((call) => port.postMessage(JSON.stringify(call)));
  port.on('message', (text) => settle(JSON.parse(text)));
  return { ...client, close: end };
}
