import { adoptStandard } from '../src/channel/adopt.js';
import type { Channel } from '../src/channel/channel.js';
import { webSocketUrl } from '../src/channel/web-socket-url.js';
import { webSocketChannel } from '../src/channel/websocket.js';
import { systemClock } from '../src/clock.js';
import { DserviceError } from '../src/errors.js';
import { syncScope } from '../src/protocol/context.js';
import type { ConnectOptions, Runtime } from '../src/service/runtime.js';

/** What the core needs of a browser: a page, or a worker of any kind. */
export const browserRuntime: Runtime<object> = {
  clock: systemClock,
  scope: syncScope(),
  adopt: (target) => adoptStandard(target, systemClock),
  connect,
  atRules: {},
  // A page brings those that it uses: others should not carry them.
  engines: [],
  listen: () =>
    Promise.reject(
      new DserviceError('ERR_LISTEN', 'a page serves over a port, worker, socket or channel'),
    ),
};

/** A WebSocket that is open. A page is not told why one could not be opened. */
async function connect(
  endpoint: string,
  { timeout = 10_000, signal }: ConnectOptions,
): Promise<Channel> {
  const url = webSocketUrl(endpoint);
  if (url === undefined) {
    const text = `'${endpoint}' is no endpoint; accepted here: ws://host:port/path, wss://host:port/path`;
    throw new DserviceError('ERR_ENDPOINT', text);
  }
  signal?.throwIfAborted();
  const ws = openSocket(url);
  const channel = webSocketChannel(ws, { clock: systemClock });
  return await new Promise((resolve, reject) => {
    const fail = (error: unknown): void => {
      over();
      channel.destroy();
      // The signal's reason is the caller's own.
      // oxlint-disable-next-line prefer-promise-reject-errors
      reject(error);
    };
    const opened = (): void => {
      over();
      resolve(channel);
    };
    const refused = (): void =>
      fail(
        new DserviceError(
          'ERR_CONNECT',
          `cannot connect to ${url}: nobody listens there, or this page's origin may not connect`,
        ),
      );
    const abort = (): void => fail(signal?.reason);
    const stopTimer = systemClock.after(timeout, () =>
      fail(new DserviceError('ERR_TIMEOUT', `no connection to ${url} within ${timeout} ms`)),
    );
    const over = (): void => {
      stopTimer();
      ws.removeEventListener('open', opened);
      ws.removeEventListener('close', refused);
      signal?.removeEventListener('abort', abort);
    };
    ws.addEventListener('open', opened);
    ws.addEventListener('close', refused);
    signal?.addEventListener('abort', abort);
  });
}

/** Throws ERR_CONNECT where the page may not even try: an insecure address from a secure page. */
function openSocket(url: string): WebSocket {
  try {
    return new WebSocket(url);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new DserviceError('ERR_CONNECT', `cannot connect to ${url}: ${why}`, { cause });
  }
}
