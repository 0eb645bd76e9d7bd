import { messagePortChannel } from '../src/channel/message-port.js';
import type { Listenable } from '../src/service/runtime.js';

/**
 * Whoever connects to this SharedWorker, for `serve`, in the worker: `serve(api, connections())`, before
 * the first `await`. A tab calls it by `dial(new SharedWorker(url, { type: 'module' }).port)`.
 */
export function connections(scope: EventTarget = globalThis): Listenable {
  return {
    async listenWith({ clock }, onChannel) {
      const connect = (event: Event): void => {
        // Of this type alone.
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
