import { adoptPort } from '../src/calls/adopt.js';
import { makeConnect } from '../src/calls/connect.js';
import { type CallsRuntime, makeDial } from '../src/calls/dial.js';
import { webSocketChannel } from '../src/channel/websocket.js';
import { systemClock } from '../src/clock.js';
import { DserviceError } from '../src/errors.js';
import { wayInPage } from './reachable.js';

export { DserviceError, type ErrorCode } from '../src/errors.js';
export { options, type CallOptions } from '../src/protocol/options.js';
export type * from '../src/calls/public-types.js';

const runtime: CallsRuntime = {
  clock: systemClock,
  open(target) {
    if (typeof target !== 'string') return adoptPort(target);
    if (!/^wss?:/.test(target)) {
      throw new DserviceError('ERR_ENDPOINT', `'${target}' is no endpoint: give ws://… or wss://…`);
    }
    try {
      return webSocketChannel(new WebSocket(target));
    } catch (cause) {
      // An insecure address from a secure page, or none at all.
      throw new DserviceError('ERR_CONNECT', `cannot connect to ${target}`, { cause });
    }
  },
};

/**
 * Connects to a `ws:` or `wss:` endpoint, or over a port, worker, socket or channel that is there already, for calls
 * alone. Resolves with the peer's remote once its api is here; `using` closes it. Rejects with ERR_ENDPOINT,
 * ERR_CONNECT, ERR_TIMEOUT, ERR_AUTH, ERR_CONNECTION_LOST, ERR_OPTION, or the signal's reason.
 */
export const dial = /* @__PURE__ */ makeDial(runtime);

/** Finds the instances of a service at a rendezvous, and calls them. Rejects with ERR_NAME, ERR_RANGE, ERR_OPTION, ERR_NO_INSTANCE. */
export const connect = /* @__PURE__ */ makeConnect(runtime, {
  reach: wayInPage,
  // Not `location.origin`, which is that of the address also where the page is in a sandbox.
  home: () => globalThis.origin,
});
