import type { IncomingMessage } from 'node:http';
import { pipe } from '../../src/channel/pipe.js';
import { DserviceError } from '../../src/errors.js';
import { defaultLimits } from '../../src/limits.js';
import { messageOf } from '../../src/protocol/encode.js';
import type { Hub } from '../../src/rendezvous/hub.js';
import { hostPort } from '../channel/address.js';
import type { Refusal } from '../listen/guard.js';
import type { Entrance } from '../listen/upgrades.js';

const statuses: Readonly<Record<string, number>> = {
  ...{ ERR_NO_INSTANCE: 404, ERR_BUSY: 503, ERR_LIMIT: 503, ERR_TIMEOUT: 504 },
};

/**
 * Leads a WebSocket straight to an instance of the hub's clients: for those who are no clients, and know
 * it from multicast DNS, or were given a ticket by one. `most`: such WebSockets at once. `onAir`: multicast DNS tells
 * of instances that have no address of their own, and whoever hears of one is led there.
 */
export function relays(
  hub: Hub,
  most: number,
  onAir: boolean,
): (id: string, request: IncomingMessage) => Promise<Entrance | Refusal> {
  let open = 0;
  return async (id, { socket, url = '', headers: { origin } }) => {
    const ticket = new URLSearchParams(url.split('?')[1]).get('ticket') ?? '';
    if (!hub.admits(id, ticket, onAir)) {
      return { status: 401, text: 'Who goes there needs a ticket, which clients are given.' };
    }
    if (open >= most) return { status: 503, text: 'There are too many already.' };
    open++;
    socket.once('close', () => open--);
    const { remoteAddress, remotePort = 0 } = socket;
    try {
      const far = await hub.connect(id, {
        ...(origin === undefined ? {} : { origin }),
        ...(remoteAddress === undefined ? {} : { address: hostPort(remoteAddress, remotePort) }),
      });
      return {
        // What goes through is a service's, not the hub's.
        line: defaultLimits.line,
        take: (channel) => pipe(channel, far),
        drop: () => far.destroy(),
      };
    } catch (error) {
      const code = DserviceError.is(error) ? error.code : '';
      return { status: statuses[code] ?? 502, text: messageOf(error) };
    }
  };
}
