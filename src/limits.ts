/** Every bound of the protocol, in one place. docs/limits.md says what happens at each. */
export interface Limits {
  /** Bytes in one line. */
  readonly line: number;
  /** Bytes in one line before the peer's first `methods` was read. */
  readonly firstLine: number;
  /** Raw bytes that follow the line of one message. */
  readonly attachments: number;
  /** Nesting of a message's arguments. */
  readonly depth: number;
  /** Values in one message. */
  readonly nodes: number;
  /** Entries in one message's `callbacks`, `links`, `types` or `own`. */
  readonly entries: number;
  /** Bytes of JSON that a caller hands along beside the arguments of a call. */
  readonly meta: number;
  /** Digits of a bigint. */
  readonly bigintDigits: number;
  /**
   * Characters of all regular expressions in one message, since compiling them is slow: `\p` counts as 512,
   * `\W`, `\D` and `\S` as 64.
   */
  readonly regexp: number;
  /** Functions one side holds for the other, each way. */
  readonly functions: number;
  /** Streams that one side holds of the other's, each way. */
  readonly streams: number;
  /** Bytes of blobs that a session is given, and reads, at a time. */
  readonly blob: number;
  /** Calls with an outcome that a peer may have pending here. */
  readonly calls: number;
  /** Bytes of the arguments of a peer's calls that run or wait, and of outcomes that are kept for it. */
  readonly held: number;
  /** Messages a second that a session reads. */
  readonly messages: number;
  /** Calls in one batch of JSON-RPC. */
  readonly batch: number;
  /** Unsent bytes at which writers wait, and reading pauses. */
  readonly unsent: number;
  /** Unsent bytes at which the session ends. */
  readonly unsentMax: number;
  /** Characters that are kept until the peer has them, of a session that may go on over another channel. */
  readonly replay: number;
  /** Milliseconds that such a session waits for another channel. */
  readonly resume: number;
  /** Milliseconds until the peer's first `methods` must be here, and then until it is decided who is there. */
  readonly handshake: number;
  /** Milliseconds in which a message that was begun goes on, and something is taken of what waits for the peer. */
  readonly stall: number;
  /** Sessions that one server holds. */
  readonly sessions: number;
  /** Sessions that one server holds with one address. */
  readonly sessionsPerAddress: number;
  /** Bytes of half-read messages that one server holds over all sessions. */
  readonly buffered: number;
}

export const defaultLimits: Limits = {
  line: 4 * 1024 * 1024,
  firstLine: 64 * 1024,
  attachments: 16 * 1024 * 1024,
  depth: 64,
  nodes: 100_000,
  entries: 10_000,
  meta: 8 * 1024,
  bigintDigits: 4_096,
  regexp: 4_096,
  functions: 1_000_000,
  streams: 1_000,
  blob: 64 * 1024 * 1024,
  calls: 10_000,
  held: 64 * 1024 * 1024,
  messages: 1_000_000,
  batch: 1_000,
  unsent: 1024 * 1024,
  unsentMax: 64 * 1024 * 1024,
  replay: 16 * 1024 * 1024,
  resume: 30_000,
  handshake: 10_000,
  stall: 30_000,
  sessions: 10_000,
  sessionsPerAddress: 1_000,
  buffered: 256 * 1024 * 1024,
};
