import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { DserviceError } from '../../src/errors.js';
import { isEncrypted } from './addresses.js';
import { asked } from './asked.js';
import { isForSocket, passOver } from './offers.js';
import { refuse } from './refuse.js';
import type { Upgrade } from './upgrades.js';

/** Who takes the requests at a path of somebody's server, and below it. */
export interface Interceptor {
  /** Of a URL, without an end: `/dnode`; `/` is all of the server. */
  readonly path: string;
  request(request: IncomingMessage, response: ServerResponse): void;
  readonly upgrade: Upgrade;
}

/**
 * Takes the requests at a path of somebody's server, which hears nothing of them, whoever listens there now or
 * later: a WebSocket server of `ws` ends every upgrade that is not for itself, so that two cannot both listen. All
 * others go where they went. Returns what gives them back. Throws ERR_OPTION where somebody of us has that path.
 */
export function intercept(server: Server, to: Interceptor): () => void {
  const all = (server as Intercepted)[standing] ?? new Interception(server);
  all.add(to);
  return () => all.remove(to);
}

/** Registered, so that another copy of this package stands there as well, and not in front. */
const standing: unique symbol = Symbol.for('dservice.interception') as never;

type Intercepted = Server & { [standing]?: Interception };

/** All of us at one server: one stands in its way, however many there are, and in whatever order they go. */
class Interception {
  readonly #server: Intercepted;
  /** The one with the longest path first. */
  #all: readonly Interceptor[] = [];
  readonly #own: boolean;
  readonly #emit: Server['emit'];
  readonly #emitOthers: Server['emit'];
  #askAsBefore = (): void => {};

  constructor(server: Intercepted) {
    this.#server = server;
    this.#own = Object.hasOwn(server, 'emit');
    this.#emit = server.emit;
    const emitOthers = (event: string, ...args: unknown[]): boolean =>
      this.#take(event, args) || Reflect.apply(this.#emit, server, [event, ...args]) === true;
    // It is called as the method of many forms that it stands for.
    server.emit = this.#emitOthers = emitOthers as Server['emit'];
    server[standing] = this;
  }

  add(to: Interceptor): void {
    if (this.#all.some(({ path }) => path === to.path)) {
      throw new DserviceError('ERR_OPTION', `path: '${to.path}' of this server is taken already`);
    }
    if (this.#all.length === 0) this.#begin();
    this.#all = [...this.#all, to].sort((a, b) => b.path.length - a.path.length);
  }

  remove(to: Interceptor): void {
    const had = this.#all.length > 0;
    this.#all = this.#all.filter((it) => it !== to);
    if (had && this.#all.length === 0) this.#end();
  }

  #begin(): void {
    // Without a listener, Node takes an upgrade for a request; with this one alone, nobody would answer.
    this.#server.on('upgrade', this.#unclaimed);
    this.#askAsBefore = askFirst(this.#server, (request) => this.#isIdle(request));
  }

  #end(): void {
    const server = this.#server;
    server.off('upgrade', this.#unclaimed);
    this.#askAsBefore();
    // Somebody else may stand in front of us by now: then what takes nothing any more stays, for whoever comes next.
    if (server.emit !== this.#emitOthers) return;
    if (this.#own) server.emit = this.#emit;
    else Reflect.deleteProperty(server, 'emit');
    delete server[standing];
  }

  /** Whether an event was for one of us. What comes with it is what Node emits. */
  #take(event: string, args: unknown[]): boolean {
    if (event === 'upgrade') return this.#upgrade(...(args as Parameters<Upgrade>));
    if (event !== 'request' && event !== 'checkContinue') return false;
    const [request, response] = args as [IncomingMessage, ServerResponse];
    const to = this.#for(request);
    // Where nobody listens for that, Node says it.
    if (to !== undefined && event === 'checkContinue') response.writeContinue();
    to?.request(request, response);
    return to !== undefined;
  }

  #upgrade(request: IncomingMessage, socket: Socket, head: Buffer): boolean {
    // Without us, the app would have had it as a request like any other.
    if (this.#isIdle(request)) {
      passOver(request, socket, head);
      // The server has another parser read it.
      this.#server.emit(isEncrypted(socket) ? 'secureConnection' : 'connection', socket);
      socket.resume();
      return true;
    }
    const to = this.#for(request);
    if (to === undefined) return false;
    // Its errors are of no interest, and nobody else listens for them any more.
    socket.on('error', () => {});
    to.upgrade(request, socket, head);
    return true;
  }

  #for(request: IncomingMessage): Interceptor | undefined {
    const at = asked(request).path;
    return this.#all.find(
      ({ path }) => at === path || at.startsWith(path === '/' ? path : `${path}/`),
    );
  }

  /** Whether it offers what neither one of us nor another listener takes up. */
  #isIdle(request: IncomingMessage): boolean {
    if (this.#all.length === 0 || isForSocket(request)) return false;
    return this.#for(request) !== undefined || this.#alone;
  }

  /** Whether nobody else listens for upgrades. */
  get #alone(): boolean {
    return this.#server.listenerCount('upgrade') === 1;
  }

  readonly #unclaimed = (_: IncomingMessage, stream: unknown): void => {
    // Of a server that listens on a port or a path.
    if (this.#alone) refuse(stream as Socket, 404, 'No WebSockets here.');
  };
}

/** From Node 24.9 on a server is asked whether an offer is taken up: not where `passes` says so. Returns what ends that. */
function askFirst(server: Server, passes: (request: IncomingMessage) => boolean): () => void {
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
