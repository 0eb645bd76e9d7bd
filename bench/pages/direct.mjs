// A page that calls another one directly: by a bare data channel, or by name. Playwright calls what is
// global here, and carries the bare ones' descriptions.
import dservice from 'dservice';
import { bulk, letters, octets } from '../bulk.mjs';
import { inFlight } from '../in-flight.mjs';
import { api } from '../subjects/api.mjs';
import { answer, makeCaller } from '../subjects/bare.mjs';

const piece = 16 * 1024;
/** Of unsent bytes: where the sender stops, and where it goes on. */
const [high, low] = [1024 * 1024, 256 * 1024];

let connection;
let channel;
let caller;
let remote;
let received = 0;
let toReceive = Infinity;
let onDone;

const bare = {
  async offer() {
    begin();
    await connection.setLocalDescription(await connection.createOffer());
    return await described();
  },
  async answer(offer) {
    begin();
    await connection.setRemoteDescription(offer);
    await connection.setLocalDescription(await connection.createAnswer());
    return await described();
  },
  async accept(description) {
    await connection.setRemoteDescription(description);
    while (channel.readyState !== 'open') await new Promise((resolve) => setTimeout(resolve, 10));
  },
  /** That many bytes are to come; the other side is told when they are here. */
  expect(total) {
    received = 0;
    toReceive = total;
  },
  async bulk(total) {
    const data = new Uint8Array(piece);
    const start = performance.now();
    const done = new Promise((resolve) => (onDone = resolve));
    for (let sent = 0; sent < total; sent += piece) {
      if (channel.bufferedAmount > high) {
        await new Promise((resolve) => (channel.onbufferedamountlow = resolve));
      }
      channel.send(data);
    }
    await done;
    return total / ((performance.now() - start) / 1000);
  },
};

function begin() {
  connection = new RTCPeerConnection();
  channel = connection.createDataChannel('bare', { negotiated: true, id: 0 });
  channel.binaryType = 'arraybuffer';
  channel.bufferedAmountLowThreshold = low;
  caller = makeCaller((call) => channel.send(JSON.stringify(call)));
  channel.addEventListener('message', ({ data }) => {
    if (typeof data !== 'string') {
      received += data.byteLength;
      if (received >= toReceive) channel.send('done');
    } else if (data === 'done') onDone();
    else hear(JSON.parse(data));
  });
}

/** Calls have three parts, answers two. */
function hear(message) {
  if (message.length === 3) channel.send(JSON.stringify(answer(message)));
  else caller.settle(message);
}

async function described() {
  while (connection.iceGatheringState !== 'complete') {
    await new Promise((resolve) => connection.addEventListener('icegatheringstatechange', resolve));
  }
  return connection.localDescription.toJSON();
}

const ours = {
  serve: () => dservice('bench-page@1.0.0', api).start(),
  /** Resolves when the session has moved to the direct channel, with the ms since it was there by the relay. */
  connect: () =>
    new Promise((resolve, reject) => {
      dservice().dnodeFor('bench-page@^1', (error, it, d) => {
        if (error !== null) return reject(error);
        remote = it;
        const began = performance.now();
        const look = () => {
          if (d.session.peer.transport === 'webrtc') resolve(performance.now() - began);
          else if (performance.now() - began > 15_000) {
            reject(new Error(`it stays on ${d.session.peer.transport}`));
          } else setTimeout(look, 5);
        };
        look();
      });
    }),
  bulk: (kind, total) => bulk(remote, kind === 'letters' ? letters() : octets(), total),
};

/** Calls per second, one at a time or so many. */
const calls = async (whose, count, ms) => {
  const client = whose === 'ours' ? remote : caller;
  const word = await client.shout('hello');
  if (word !== 'HELLO') throw new Error(`${whose} answered ${word}`);
  const { calls, seconds } = await inFlight(count, ms, () => client.shout('hello'));
  return calls / seconds;
};

Object.assign(globalThis, { bare, ours, calls });
