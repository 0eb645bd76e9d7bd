// A page that calls servers over WebSockets. Playwright calls `measure`.
import { createTRPCClient, createWSClient, wsLink } from '@trpc/client';
import { newWebSocketRpcSession } from 'capnweb';
import { createBirpc } from 'birpc';
import { dial } from 'dservice';
import { inFlight } from '../in-flight.mjs';
import { makeCaller } from '../subjects/bare.mjs';

const connect = {
  async 'ours-ws'(endpoint) {
    const remote = await dial(endpoint);
    return {
      shout: (text) => remote.shout(text),
      close: () => remote[Symbol.dispose ?? Symbol.for('Symbol.dispose')](),
    };
  },
  async 'bare-ws'(endpoint) {
    const ws = await open(endpoint);
    const { settle, shout } = makeCaller((call) => ws.send(JSON.stringify(call)));
    ws.addEventListener('message', ({ data }) => settle(JSON.parse(data)));
    return { shout, close: () => ws.close() };
  },
  async capnweb(endpoint) {
    const ws = await open(endpoint);
    const remote = newWebSocketRpcSession(ws);
    return { shout: (text) => remote.shout(text), close: () => ws.close() };
  },
  async trpc(endpoint) {
    const client = createWSClient({ url: endpoint });
    const remote = createTRPCClient({ links: [wsLink({ client })] });
    return { shout: (text) => remote.shout.query(text), close: () => void client.close() };
  },
  async birpc(endpoint) {
    const ws = await open(endpoint);
    const remote = createBirpc(
      {},
      {
        post: (data) => ws.send(data),
        on: (listener) => ws.addEventListener('message', ({ data }) => listener(data)),
        serialize: JSON.stringify,
        deserialize: JSON.parse,
      },
    );
    return { shout: (text) => remote.shout(text), close: () => ws.close() };
  },
};

async function open(endpoint) {
  const ws = new WebSocket(endpoint);
  await new Promise((resolve, reject) => {
    ws.addEventListener('open', resolve);
    ws.addEventListener('close', () => reject(new Error(`no WebSocket to ${endpoint}`)));
  });
  return ws;
}

/** Calls per second, on a new connection. */
globalThis.measure = async ({ subject, endpoint, count, ms }) => {
  const client = await connect[subject](endpoint);
  try {
    const word = await client.shout('hello');
    if (word !== 'HELLO') throw new Error(`${subject} answered ${word}`);
    const { calls, seconds } = await inFlight(count, ms, () => client.shout('hello'));
    return calls / seconds;
  } finally {
    client.close();
  }
};
