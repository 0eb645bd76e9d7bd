import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { WebSocketServer, type WebSocket } from 'ws';
import type { Channel } from '../../src/channel/channel.js';
import type { Clock } from '../../src/clock.js';
import type { Limits } from '../../src/limits.js';
import { Budget } from '../../src/protocol/budget.js';
import { hostPort } from '../channel/address.js';
import { isEncrypted } from './addresses.js';
import { Slabs } from '../channel/slabs.js';
import { wsChannel, wsOptions } from '../channel/ws.js';
import { watchFragments } from './fragments.js';
import type { Guard, Refusal } from './guard.js';
import { refuse } from './refuse.js';

/** Where a WebSocket leads. */
export interface Entrance {
  /** Bytes of a line there, where that is not the listener's. */
  readonly line?: number;
  take(channel: Channel): void;
  /** In place of `take`: there will be no channel, since the request was no good, or its sender is gone. */
  drop?(): void;
}

/** Says where a request for a WebSocket leads, which has passed the guard, or why it is refused. */
export type Route = (request: IncomingMessage) => Entrance | Refusal | Promise<Entrance | Refusal>;

export interface UpgradesOptions {
  readonly clock: Clock;
  readonly limits: Pick<Limits, 'line' | 'stall' | 'buffered'>;
  readonly guard: Guard;
  readonly route: Route;
}

/** Answers one request for an upgrade. `head`: what came behind it. */
export type Upgrade = (request: IncomingMessage, socket: Socket, head: Buffer) => void;

/** Makes channels of requests for a WebSocket: what passes the guard goes where its route leads. */
export function createUpgrades({ clock, limits, guard, route }: UpgradesOptions): Upgrade {
  const slabs = new Slabs();
  const watched = { clock, limits, budget: new Budget(limits.buffered) };
  /** By the bytes of a line. */
  const servers = new Map<number, WebSocketServer>();
  const serverFor = (line: number): WebSocketServer => {
    const known = servers.get(line);
    if (known !== undefined) return known;
    const made = { noServer: true, clientTracking: false, ...wsOptions({ line }) };
    const server = new WebSocketServer(made);
    servers.set(line, server);
    return server;
  };
  const follow = (
    way: Entrance | Refusal,
    request: IncomingMessage,
    socket: Socket,
    head: Buffer,
  ): void => {
    if ('status' in way) return refuse(socket, way.status, way.text);
    let taken = false;
    // At once, or never.
    serverFor(way.line ?? limits.line).handleUpgrade(request, socket, head, (ws) => {
      taken = true;
      const channel = channelOf(ws, request, slabs);
      // Told of what comes after `ws` was.
      watchFragments(ws, socket, watched);
      way.take(channel);
    });
    if (!taken) way.drop?.();
  };
  return (request, socket, head) => {
    const refusal = guard(request);
    if (refusal) return refuse(socket, refusal.status, refusal.text);
    const way = route(request);
    if (!(way instanceof Promise)) return follow(way, request, socket, head);
    way.then(
      (found) => follow(found, request, socket, head),
      () => refuse(socket, 500, 'This failed.'),
    );
  };
}

function channelOf(ws: WebSocket, { socket, headers }: IncomingMessage, slabs: Slabs): Channel {
  const address = socket.remoteAddress && hostPort(socket.remoteAddress, socket.remotePort ?? 0);
  return wsChannel(ws, {
    slabs,
    peer: {
      transport: isEncrypted(socket) ? 'wss' : 'ws',
      ...(address && { address }),
      ...(headers.origin && { origin: headers.origin }),
    },
  });
}
