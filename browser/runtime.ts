import { adoptStandard } from '../src/channel/adopt.js';
import { parseEndpoint } from '../src/channel/endpoint.js';
import { webSocketChannel } from '../src/channel/websocket.js';
import { systemClock } from '../src/clock.js';
import { DserviceError } from '../src/errors.js';
import { syncScope } from '../src/protocol/context.js';
import type { Runtime } from '../src/service/runtime.js';

/** What the core needs of a browser: a page, or a worker of any kind. */
export const browserRuntime: Runtime<object> = {
  clock: systemClock,
  scope: syncScope(),
  adopt: (target) => adoptStandard(target, systemClock),
  async connect(endpoint) {
    const parsed = parseEndpoint(endpoint, ['ws', 'wss']);
    if (!('url' in parsed)) throw new DserviceError('ERR_ENDPOINT', endpoint);
    return webSocketChannel(new WebSocket(parsed.url), { clock: systemClock });
  },
  atRules: {},
  listen: () =>
    Promise.reject(
      new DserviceError('ERR_LISTEN', 'a page serves over a port, worker, socket or channel'),
    ),
};
