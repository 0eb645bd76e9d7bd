import type { ChannelPeer } from '../channel/channel.js';
import type { DserviceError } from '../errors.js';
import type { About } from './about.js';
import type { CallOptions } from './options.js';

/** Who is at the other end. */
export interface Peer extends ChannelPeer {
  /** What `authenticate` returned. */
  readonly identity?: unknown;
}

export type SessionEvents = {
  /** The peer's api is here, for the first time or anew. */
  remote: [remote: Record<string, unknown>];
  /** The peer did something wrong, and the session goes on. */
  fail: [error: DserviceError];
  /** Code of ours failed with nobody to tell: a handler whose caller wants no outcome, or a listener. */
  error: [error: unknown];
  /** The peer is slow to show life while calls are out, or shows it again. */
  suspect: [suspect: boolean];
  /** The connection was lost, and another one is looked for: calls wait, and nothing is lost. */
  away: [why: Error];
  /** The session goes on over another channel, of which `peer` tells. */
  moved: [peer: Peer];
  /** The peer will leave: no new calls, please. */
  bye: [];
  /** The session is over; with an error, unless it was closed in good order. */
  end: [error: DserviceError | undefined];
};

/** What a session holds for each side. */
export interface Tables {
  /** Functions of ours that the peer holds, and of the peer's that are held here. */
  readonly local: number;
  readonly references: number;
  /** Calls of ours without an outcome, and of the peer's that run here. */
  readonly pending: number;
  readonly serving: number;
  /** Outcomes that are kept for the peer's calls. */
  readonly kept: number;
  /** Streams and AbortSignals, of both sides. */
  readonly streams: number;
  readonly signals: number;
}

/** Of who holds nothing. */
export const noTables: Tables = {
  ...{ local: 0, references: 0, pending: 0, serving: 0 },
  ...{ kept: 0, streams: 0, signals: 0 },
};

/** A session, as handlers, apis and users hold it. */
export interface SessionHandle {
  /** The peer's api: one object for the whole session, filled, and filled anew, by its `methods`. */
  readonly remote: Record<string, unknown>;
  /** What the peer says of its methods, by path (`shout`, `admin.stop`); nothing from a plain peer. */
  readonly about: About;
  readonly peer: Peer;
  /** Whether the peer's api has come. */
  readonly ready: boolean;
  readonly ended: boolean;
  /** Whether the peer speaks the extension: known once it is `ready`. */
  readonly extended: boolean;
  /** Whether the peer was silent for too long while calls are out. */
  readonly suspect: boolean;
  /** Whether the peer has said that it will leave. */
  readonly leaving: boolean;
  /** Whether the connection was lost and the session waits for another one. */
  readonly away: boolean;
  /** Calls of ours whose outcome is not in. */
  readonly outstanding: number;
  /** What there is at the moment: all 0 where nothing is in use, but `local`, which has the api's functions. */
  readonly tables: Tables;
  /** Adds a listener, and returns what removes it. */
  on<K extends keyof SessionEvents>(
    event: K,
    listener: (...args: SessionEvents[K]) => void,
  ): () => void;
  /** Calls a method by its name, whether or not the peer has told of it. */
  call(name: string, args: unknown[], options?: CallOptions): Promise<unknown>;
  /** Milliseconds to the peer and back; undefined from a plain peer, and when the connection is lost. */
  ping(): Promise<number | undefined>;
  /** Announces another api: the peer's remote is filled anew. Throws ERR_API, ERR_NAME, ERR_DATA. */
  announce(api: object): void;
  /** Ends in good order: what was written leaves; what waits for an outcome rejects with ERR_CLOSED. */
  close(): void;
  /**
   * Ends without failing anybody: asks the peer to call no more, serves what crosses that, finishes
   * what runs (within `time` ms; 10,000), and closes. A plain peer, which cannot be asked, gets a
   * second of quiet.
   */
  drain(time?: number): Promise<void>;
}
