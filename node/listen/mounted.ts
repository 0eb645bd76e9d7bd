import type { IncomingMessage, Server as HttpServer } from 'node:http';
import type { Server as SecureServer } from 'node:https';
import type { Channel } from '../../src/channel/channel.js';
import type { Turns } from '../../src/channel/turns.js';
import type { Clock } from '../../src/clock.js';
import { DserviceError } from '../../src/errors.js';
import { checkPlace, path as dnodePath, within } from '../../src/http/address.js';
import { door } from '../../src/http/door.js';
import type { Limits } from '../../src/limits.js';
import type { Listener } from '../../src/service/runtime.js';
import { webSocketAddresses } from './addresses.js';
import { asked } from './asked.js';
import { createExchanges } from './exchange.js';
import { createGuard, type GuardOptions } from './guard.js';
import { intercept } from './intercept.js';
import { refuseRequest } from './refuse.js';
import { createUpgrades } from './upgrades.js';

/** What is the server's own to say. */
const theirs = ['port', 'host', 'tls', 'request'] as const;

export interface MountOptions
  extends GuardOptions, Partial<Record<(typeof theirs)[number], unknown>> {
  readonly server: HttpServer | SecureServer;
  /** Where dnode is spoken: `/dnode`. */
  readonly path?: string | undefined;
  readonly clock: Clock;
  readonly limits: Limits;
  /** Long bodies are read in turns of them. */
  readonly turns?: Turns | undefined;
}

/**
 * Speaks dnode below a path of somebody's HTTP server: by WebSockets, batches and events. All else goes where it
 * went, and the server stays when this is closed. Throws ERR_OPTION.
 */
export function mount(options: MountOptions, onChannel: (channel: Channel) => void): Listener {
  const { server, path = dnodePath, clock, limits, turns } = options;
  for (const key of theirs) {
    if (options[key] === undefined) continue;
    throw new DserviceError('ERR_OPTION', `\`${key}\` is the server's, which is given`);
  }
  checkPlace(path);
  const guard = createGuard(options);
  const enter = door({ clock, limits, onChannel, at: path });
  const answer = createExchanges({ clock, limits, turns, answer: enter });
  const detach = intercept(server, {
    path,
    request(request, response) {
      const refusal = guard(request);
      if (refusal === undefined) return answer(request, response, urlWithin(path, request));
      refuseRequest(response, refusal.status, refusal.text);
    },
    upgrade: createUpgrades({
      ...{ clock, limits, guard },
      route(request) {
        if (asked(request).path === path) return { take: onChannel };
        return { status: 404, text: 'Nobody is here.' };
      },
    }),
  });
  return {
    get endpoints() {
      return webSocketAddresses(server).map((address) => address + path);
    },
    close(time) {
      const through = enter.close(time);
      if (through !== undefined) return through.then(detach);
      detach();
      return Promise.resolve();
    },
  };
}

/** The URL that a request at or below a path has for the door. */
function urlWithin(place: string, request: IncomingMessage): string {
  const { path, query } = asked(request);
  return within(place, path) + query;
}
