// A page that calls its workers over MessagePorts. Playwright calls `measure`.
import { createBirpc } from 'birpc';
import { wrap } from 'comlink';
import { dial } from 'dservice';
import { inFlight } from '../in-flight.mjs';
import { makeCaller } from '../subjects/bare.mjs';

const connect = {
  ours: (port) => dial(port),
  bare(port) {
    const { settle, shout } = makeCaller((call) => port.postMessage(JSON.stringify(call)));
    port.onmessage = ({ data }) => settle(JSON.parse(data));
    return { shout };
  },
  comlink: (port) => wrap(port),
  birpc: (port) =>
    createBirpc(
      {},
      {
        post: (data) => port.postMessage(data),
        on: (listener) => (port.onmessage = ({ data }) => listener(data)),
      },
    ),
};

/** Calls per second, in a new worker. */
globalThis.measure = async ({ subject, count, ms }) => {
  const worker = new Worker('/worker.js', { type: 'module' });
  const { port1, port2 } = new MessageChannel();
  try {
    worker.postMessage(subject, [port2]);
    const client = await connect[subject](port1);
    const word = await client.shout('hello');
    if (word !== 'HELLO') throw new Error(`${subject} answered ${word}`);
    const { calls, seconds } = await inFlight(count, ms, () => client.shout('hello'));
    return calls / seconds;
  } finally {
    port1.close();
    worker.terminate();
  }
};
