import type { Server, Socket } from 'node:net';
import type { Stream } from 'node:stream';
import type { DnodeOptions } from './options.js';
import type { Proto } from './proto.js';

// Without a type of its own, a remote is what the peer says: dnode's programs call it unchecked.
// oxlint-disable-next-line no-explicit-any
export type AnyRemote = any;

/**
 * What is offered to the peer: an object, or what makes one for each connection (its own object is
 * `this`, unless it returns another).
 */
export type Cons<R = AnyRemote> =
  // `this` is an object that the function fills.
  // oxlint-disable-next-line no-explicit-any
  object | ((this: any, remote: R, conn: Dnode<R>) => unknown);

/** A port, a host, the path of a unix socket, a callback, or objects with these; in any order. */
export type PlaceArg<Callback> =
  | number
  | string
  | Callback
  | { port?: number | string; host?: string; path?: string; block?: Callback }
  | undefined;

/** One connection that speaks dnode: an old-style stream, to be piped to and from any other. */
export interface Dnode<R = AnyRemote> extends Stream {
  readable: boolean;
  writable: boolean;
  readonly opts: DnodeOptions;
  /** The protocol's state; undefined until the end of the turn in which the stream was made. */
  readonly proto: Proto | undefined;
  /** Random, of a connection made by `connect` or `listen`. */
  id: string | undefined;
  /** The socket, of a connection made by `connect` or `listen`. */
  stream: Socket | undefined;

  /** Takes bytes, text, or one message as an object. False: wait for `drain`. */
  write(chunk: unknown, ...rest: unknown[]): boolean;
  /** Ends both ways; what was called before still leaves. */
  end(chunk?: unknown): this;
  destroy(): this;
  /** Holds back `data`, until `resume`. */
  pause(): this;
  resume(): this;
  pipe<T extends NodeJS.WritableStream>(destination: T, options?: { end?: boolean }): T;
  /** Takes one message. */
  handle(message: unknown): void;
  /** Connects over TCP or a unix socket. A callback listens for `remote`. */
  connect(...place: PlaceArg<(remote: R, conn: Dnode<R>) => void>[]): this;
  /** Serves each connection with what this stream was made with. A callback listens for `listening`. */
  listen(...place: PlaceArg<() => void>[]): DnodeServer<R>;

  on: DnodeListen<R, this>;
  once: DnodeListen<R, this>;
  addListener: DnodeListen<R, this>;
}

interface DnodeListen<R, This> {
  /** The peer has told what it offers, for the first time or anew. */
  (event: 'remote', listener: (remote: R, conn: Dnode<R>) => void): This;
  /** What is offered to the peer was made, and is not sent yet. */
  (event: 'local', listener: (local: Record<string, unknown>, conn: Dnode<R>) => void): This;
  /** The peer did something wrong. */
  (event: 'fail' | 'error', listener: (error: Error) => void): This;
  (event: 'end' | 'ready' | 'drain', listener: () => void): This;
  // As of any emitter of Node.
  // oxlint-disable-next-line no-explicit-any
  (event: string | symbol, listener: (...args: any[]) => void): This;
}

/** A server of Node, with the connections it has now, by their ids. */
export type DnodeServer<R = AnyRemote> = {
  readonly sessions: Record<string, Dnode<R>>;
  on(event: 'remote', listener: (remote: R, conn: Dnode<R>) => void): DnodeServer<R>;
  on(
    event: 'local',
    listener: (local: Record<string, unknown>, conn: Dnode<R>) => void,
  ): DnodeServer<R>;
} & Server;
