import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { isEncrypted } from './addresses.js';
import { isForSocket, passOver } from './offers.js';
import { refuse } from './refuse.js';
import type { Upgrade } from './upgrades.js';

export interface Interceptor {
  /** Whether a request is for us. */
  takes(request: IncomingMessage): boolean;
  request(request: IncomingMessage, response: ServerResponse): void;
  readonly upgrade: Upgrade;
}

/** What our listener for upgrades is known by, when several of us stand at one server. */
const lastResort = Symbol.for('dservice.unclaimed');

/**
 * Takes some of the requests of somebody's server, which hears nothing of them, whoever listens there
 * now or later: a WebSocket server of `ws` ends every upgrade that is not for itself, so that two cannot
 * both listen. All others go where they went. Returns what gives them back.
 */
export function intercept(server: Server, to: Interceptor): () => void {
  let active = true;
  const { emit } = server;
  const own = Object.hasOwn(server, 'emit');
  const emitOthers = (event: string, ...args: unknown[]): boolean => {
    if (active && (event === 'request' || event === 'upgrade')) {
      // What Node emits with these events.
      const [request, response, head] = args as [IncomingMessage, unknown, Buffer];
      // Without us, the app would have had it as a request like any other.
      if (event === 'upgrade' && isIdle(request)) return again(request, response as Socket, head);
      if (to.takes(request)) {
        if (event === 'request') to.request(request, response as ServerResponse);
        else to.upgrade(request, guarded(response as Socket), head);
        return true;
      }
    }
    return Reflect.apply(emit, server, [event, ...args]) === true;
  };
  /** Whether it offers what neither we nor another listener takes up. */
  const isIdle = (request: IncomingMessage): boolean =>
    !isForSocket(request) &&
    (to.takes(request) || server.listeners('upgrade').every((it) => lastResort in it));
  const again = (request: IncomingMessage, socket: Socket, head: Buffer): boolean => {
    passOver(request, socket, head);
    // The server has another parser read it.
    server.emit(isEncrypted(socket) ? 'secureConnection' : 'connection', socket);
    socket.resume();
    return true;
  };
  // It is called as the method of many forms that it stands for.
  const ours = emitOthers as Server['emit'];
  // Without a listener, Node takes an upgrade for a request; with this one alone, nobody would answer.
  const unclaimed = (_: IncomingMessage, stream: unknown): void => {
    const all = server.listeners('upgrade');
    // Of several of us, the first.
    if (all[0] !== unclaimed || !all.every((it) => lastResort in it)) return;
    // Of a server that listens on a port or a path.
    refuse(stream as Socket, 404, 'No WebSockets here.');
  };
  Object.assign(unclaimed, { [lastResort]: true });
  server.emit = ours;
  const giveBack = decide(server, (request) => active && isIdle(request));
  server.on('upgrade', unclaimed);
  return () => {
    active = false;
    server.off('upgrade', unclaimed);
    giveBack();
    // Somebody else may stand in front of us by now.
    if (server.emit !== ours) return;
    if (own) server.emit = emit;
    else Reflect.deleteProperty(server, 'emit');
  };
}

/** From Node 24.9 on a server is asked whether an offer is taken up: not where `passes` says so. Returns what ends that. */
function decide(server: Server, passes: (request: IncomingMessage) => boolean): () => void {
  const name = 'shouldUpgradeCallback';
  const asked: unknown = Reflect.get(server, name);
  if (typeof asked !== 'function') return () => {};
  const ours = (request: IncomingMessage): unknown =>
    !passes(request) && Reflect.apply(asked, server, [request]);
  Reflect.set(server, name, ours);
  return () => {
    if (Reflect.get(server, name) === ours) Reflect.set(server, name, asked);
  };
}

/** Its errors are of no interest, and nobody else listens for them any more. */
function guarded(socket: Socket): Socket {
  socket.on('error', () => {});
  return socket;
}
