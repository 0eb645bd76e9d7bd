import type { Interface } from './interfaces.js';
import type { Message } from './message.js';

/** Where a packet came from, or goes to. */
export interface Peer {
  readonly address: string;
  readonly port: number;
}

/** One socket on one interface, or what stands for it in tests. */
export interface Transport {
  /**
   * Sends to the group, or to one peer. What is sent before the socket is ready waits for it.
   * `done` is called once, later, also when the transport closes; with an error if it did not leave.
   */
  send(message: Message, to?: Peer, done?: (error?: Error) => void): void;
  /** Resolves when the socket is closed. Nothing is received any more from the call on. */
  close(): Promise<void>;
}

export interface TransportHandlers {
  /** Asked with the source's address before a packet is decoded: whether it is of this link. */
  accept(address: string): boolean;
  /** A packet that could be decoded. */
  receive(message: Message, from: Peer): void;
  /** The socket can be used. At most once. */
  ready(): void;
  /** The socket cannot be used and is to be made anew. At most once. */
  failed(error: Error): void;
}

/** Opens a transport. Never throws: what goes wrong is told by `failed`, later. */
export type OpenTransport = (
  iface: Interface,
  port: number,
  handlers: TransportHandlers,
) => Transport;
