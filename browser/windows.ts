import type { Channel } from '../src/channel/channel.js';
import { listenWindows } from '../src/channel/window-listener.js';
import { windowChannel, type WindowLike } from '../src/channel/window.js';
import { systemClock } from '../src/clock.js';
import type { Listenable } from '../src/service/runtime.js';

/**
 * Whoever serves in another window (an iframe's, a popup's, `parent`, `opener`) of exactly this origin, or
 * in a service worker, for `dial`: `dial(windowPeer(iframe.contentWindow, 'https://widgets.example'))`. It
 * may still be loading. `timeout`: milliseconds until it gives up, of those that `dial` leaves it; 30,000.
 * Throws ERR_OPTION; `dial` rejects with ERR_TIMEOUT, or with ERR_CONNECT once the window is gone.
 */
export function windowPeer(
  target: WindowLike | null,
  origin: string,
  options: { readonly timeout?: number } = {},
): Channel {
  return windowChannel(target, origin, { ...options, clock: systemClock });
}

/**
 * The windows of these origins, for `serve`: `serve(api, windows(['https://app.example']))`, in a page, or
 * in a service worker for the pages of its own. Who calls is `context().peer.origin`. Call it before the
 * first `await` of a service worker. `serve` rejects with ERR_OPTION for what is not exactly an origin.
 */
export function windows(origins: readonly string[]): Listenable {
  return {
    async listenWith({ clock, logger }, onChannel) {
      const options = { origins, scope: globalThis, clock };
      const stop = listenWindows({ ...options, warn: (it) => logger.warn(it) }, onChannel);
      return { endpoints: [], close: async () => stop() };
    },
  };
}
