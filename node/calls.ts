import type { ConnectionOptions } from 'node:tls';
import { makeConnect } from '../src/calls/connect.js';
import { type CallsRuntime, makeDial } from '../src/calls/dial.js';
import { DserviceError } from '../src/errors.js';
import { nodeClock } from './clock.js';
import { connectChannel } from './connect.js';
import { nodeRuntime } from './runtime.js';

export { DserviceError, type ErrorCode } from '../src/errors.js';
export { options, type CallOptions } from '../src/protocol/options.js';
export type * from '../src/calls/public-types.js';

const runtime: CallsRuntime = {
  clock: nodeClock,
  open(target, { timeout, signal, tls }) {
    if (typeof target === 'string') {
      // What the user gave for TLS, which Node checks.
      const given = { timeout, signal, tls: tls as ConnectionOptions };
      return connectChannel(target, { ...given, clock: nodeClock });
    }
    const channel = nodeRuntime.adopt(target);
    if (channel !== undefined) return channel;
    throw new DserviceError(
      'ERR_ENDPOINT',
      'dial takes an endpoint, or a channel, port, socket or stream',
    );
  },
};

/**
 * Connects to an endpoint, or over a port, socket, stream or channel that is there already, for calls alone. Resolves
 * with the peer's remote once its api is here; `using` closes it. Rejects with ERR_ENDPOINT, ERR_CONNECT, ERR_TIMEOUT,
 * ERR_AUTH, ERR_CONNECTION_LOST, ERR_OPTION, or the signal's reason.
 */
export const dial = makeDial(runtime);

/** Finds the instances of a service at a rendezvous, and calls them. Rejects with ERR_NAME, ERR_RANGE, ERR_OPTION, ERR_NO_INSTANCE. */
export const connect = makeConnect(runtime, {
  reach: (endpoint) => (/^(tcp|tls|unix|wss?):/.test(endpoint) ? endpoint : undefined),
  home: () => process.env.DSERVICE_RENDEZVOUS?.split(' ')[0],
});
