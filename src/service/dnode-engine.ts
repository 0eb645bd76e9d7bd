import type { Engine } from './engine.js';
import { Server, type ServerOptions } from './server.js';

/**
 * The built-in engine: a session of dnode over each connection, whatever kind it is. Its other half is
 * in dial.ts: a page that only dials carries no server.
 */
export const dnodeEngine: Engine = {
  name: 'dnode',
  schemes: ['tcp', 'tls', 'unix', 'ws', 'wss'],
  // More of the options than others need: sessions that come back, and whom to tell of each.
  serve(api, host: ServerOptions) {
    const server = new Server(api, host);
    return {
      sessions: server.sessions,
      accept: (channel) => server.welcome(channel),
      announce: (next) => server.announce(next),
      allBack: () => server.allBack(),
      drain: (time) => server.drain(time),
      close: () => void server.close(),
    };
  },
};
