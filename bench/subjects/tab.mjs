// What a page runs, in a process of Node's, where the time that each process takes can be told: a service
// without an address, and a caller, who meet at a rendezvous or over a WebSocket. No WebRTC: all is relayed.
import dservice, { dial } from 'dservice/browser';
import WebSocket from 'ws';
import { bulk, letters } from '../bulk.mjs';
import { work } from '../work.mjs';
import { api } from './api.mjs';

// What a page has.
globalThis.WebSocket = class extends WebSocket {
  constructor(url) {
    super(url, { origin: 'http://127.0.0.1:8080', perMessageDeflate: false });
  }
};
globalThis.location = new URL('http://127.0.0.1:8080/');
globalThis.addEventListener ??= () => {};

const logger = { warn() {} };
let remote;

export async function serveAt(rendezvous) {
  await dservice('bench-tab@1.0.0', api, { rendezvous, webrtc: false, logger }).start();
}

/** Calls over a WebSocket from now on. */
export async function callDirectly(endpoint) {
  remote = await dial(endpoint);
}

/** Calls by the rendezvous from now on; resolves with the transport. */
export function callBy(rendezvous) {
  return new Promise((resolve, reject) => {
    dservice({ rendezvous, webrtc: false }).dnodeFor('bench-tab@^1', (error, it, d) => {
      remote = it;
      if (error === null) resolve(d.session.peer.transport);
      else reject(error);
    });
  });
}

/** Calls of one piece of work, in so many seconds. */
export function calls(name, ms) {
  return work[name].run(remote, ms);
}

/** Bytes per second, through calls. */
export function send(total) {
  return bulk(remote, letters(), total);
}
