import type { Frame } from '../../channel/frames.js';
import { DserviceError } from '../../errors.js';
import type { InstanceRecord } from '../record.js';

/**
 * What a rendezvous and its clients say to each other, as dnode calls. A client calls:
 *
 * - `announce(record, key, accept)` → `{ update(record), withdraw() }`. `key`, 16 to 128 characters,
 *   is the client's own secret: with it, and only with it, an id that is announced is announced anew:
 *   ERR_AUTH for others, with `bridged` where it was heard of elsewhere.
 *   `accept(info, near)` → `RelaySide` is asked of each dial; null: it cannot be dialled.
 * - `browse(name | null, listener, form)` → `stop()`. `listener(events, about)`: `HubEvent[]`, `About`. With
 *   the form `'text'` the events are JSON as a string: made once for all, at a tenth of the price.
 * - `dial(id, near)` → `Far`. ERR_NO_INSTANCE has `settling`, as `About` has it, while that is not over.
 * - `signal(dial, data)`: any JSON, for the other end of a dial.
 * - `match(range, versions)` → a boolean for each.
 * - `ticket(id)`, where it asks for credentials: a word by which a WebSocket, once and within 30 s, is let to
 *   `<rendezvous>/to/<id>?ticket=…`.
 * - `stay()`: comes to its end when the client has no dial any more. For one that was told `bye`.
 *
 * Text of a dial goes in pieces of at most `relayPiece` characters, `more: true` on all but the last of a
 * message; raw bytes that follow a message in pieces of as many bytes, each whole by itself. The outcome of `receive` comes when the owner at the far end has taken it, or, of the
 * beginning of a message, all before it. A sender has at most `relayWindow` on the way (`costOf`);
 * who has more than twice that is cut off.
 */
export interface RelaySide {
  receive(piece: Frame, more: boolean): unknown;
  /** Nothing more comes from that side. With a reason, the dial is over at once. */
  end(reason?: string): unknown;
  signal(data: unknown): unknown;
  /** Of the side that was dialled: it can make a direct channel. Nobody tries one where it cannot. */
  readonly direct?: boolean;
}

/** Who dials: said by the rendezvous, never by the client. */
export interface DialInfo extends Partial<Stamp> {
  readonly dial: string;
  /** The instance that is dialled. */
  readonly instance: string;
  readonly client: string;
}

/** What a rendezvous knows of a client: its Origin, if it is a page, and its address. */
export interface Stamp {
  readonly origin: string;
  readonly address: string;
}

/** The far side of a dial, and who that is. */
export interface Far extends RelaySide, Partial<Stamp> {
  readonly dial: string;
  readonly client: string;
}

export interface HubEvent {
  readonly type: 'up' | 'update' | 'down';
  readonly record: InstanceRecord;
  /** It can be dialled here. */
  readonly dial: boolean;
  /** The rendezvous heard of it elsewhere; no client of its own announced it. */
  readonly bridged?: true;
}

/** Of the events of one call: changes, or a part of all that is known. */
export interface About {
  readonly snapshot?: true;
  /** The first part: what was not told since then, when the last part has come, is not there. */
  readonly first?: boolean;
  /** Another part follows. */
  readonly more?: boolean;
  /**
   * The rendezvous has only begun: for so many ms, those who were with the one before it may be on
   * their way, and what was not told is not known to be gone.
   */
  readonly settling?: number;
}

export const relayWindow = 64 * 1024;
export const relayPiece = 16 * 1024;

/** What a piece counts: so that many small ones are not more calls than a session has room for. */
export function costOf(piece: Frame): number {
  return Math.max(piece.length, relayWindow / 16);
}

/** Whether that can be a piece. */
export function isPiece(value: unknown): value is Frame {
  return typeof value === 'string' || value instanceof Uint8Array;
}

/** Endpoint of an instance that is reached by way of a rendezvous. */
export function relayEndpoint(url: string, id: string): string {
  return `relay:${url}#${id}`;
}

export function isRelay(endpoint: string): boolean {
  return endpoint.startsWith('relay:');
}

/** Why a relayed channel ended otherwise than in good order. */
export function lost(reason: string): DserviceError {
  return new DserviceError('ERR_CONNECTION_LOST', `the relayed connection was lost: ${reason}`);
}
