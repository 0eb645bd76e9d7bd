import { messagePortChannel } from '../src/channel/message-port.js';
import type { Listenable } from '../src/service/runtime.js';

/** What is used of a SharedWorker's global scope. */
export interface SharedScope {
  addEventListener(type: 'connect', listener: (event: Event) => void): void;
  removeEventListener(type: 'connect', listener: (event: Event) => void): void;
}

/**
 * Whoever connects to this SharedWorker, for `serve`, in the worker: `serve(api, connections())`, before
 * the first `await`. A tab calls it by `dial(new SharedWorker(url, { type: 'module' }).port)`.
 */
export function connections(
  // A page has no such event, and nobody connects to it.
  scope: SharedScope = globalThis as SharedScope,
): Listenable {
  return {
    async listenWith({ clock }, onChannel) {
      const connect = (event: Event): void => {
        const [port] = (event as MessageEvent).ports;
        if (port !== undefined) onChannel(messagePortChannel(port, { clock }));
      };
      scope.addEventListener('connect', connect);
      return {
        endpoints: [],
        close: async () => scope.removeEventListener('connect', connect),
      };
    },
  };
}
