import { adoptPort } from '../src/calls/adopt.js';
import { makeDial } from '../src/calls/dial.js';
import { webSocketChannel } from '../src/channel/websocket.js';
import { systemClock } from '../src/clock.js';
import { DserviceError } from '../src/errors.js';

export { DserviceError, type ErrorCode } from '../src/errors.js';
export { options, type CallOptions } from '../src/protocol/options.js';
export type * from '../src/calls/public-types.js';

const runtime = {
  clock: systemClock,
  open(target: string | object) {
    if (typeof target !== 'string') return adoptPort(target);
    if (!/^wss?:/.test(target)) {
      throw new DserviceError(
        'ERR_ENDPOINT',
        `'${target}' is no endpoint; accepted here: ws://…, wss://…`,
      );
    }
    try {
      return webSocketChannel(new WebSocket(target));
    } catch (cause) {
      // An insecure address from a secure page, or none at all.
      throw new DserviceError('ERR_CONNECT', `cannot connect to ${target}`, { cause });
    }
  },
};

export const dial = /* @__PURE__ */ makeDial(runtime);
