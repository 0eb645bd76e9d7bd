/** Who is at the other end of a channel, as far as the transport knows. */
export interface ChannelPeer {
  /** `memory`, `tcp`, `tls`, `unix`, `stream`, `ws`, `wss`, `port`, `relay`, `webrtc`, `http`, `https` */
  readonly transport: string;
  /** `host:port`, a path, or a URL, where there is one. */
  readonly address?: string;
  /** The Origin header of a browser, or the origin of a window. */
  readonly origin?: string;
}

/** What goes over as it is, and is gone here: values of a kind that `postMessage` transfers. */
export interface Moved {
  readonly values: readonly object[];
  /** The values, and in the place of views their buffers. */
  readonly list: readonly object[];
}

/** What follows the last of some lines: raw bytes; and, only where a channel `moves`, values. */
export interface Attachments extends ReadonlyArray<Uint8Array<ArrayBuffer>> {
  readonly moved?: Moved;
  /** They are their owner's, who may change them once the call that sends them has returned. */
  readonly lent?: boolean;
}

/** How bytes that are delivered may be kept without another copy of them. */
export interface Deliveries {
  /** Where delivered bytes fill their buffer, they are the receiver's for good, who may change them. */
  readonly gives?: boolean;
  /** Memory for bytes that are put together, with anything in it, where the runtime has it sooner than such with zeros. */
  allocate?(size: number): Uint8Array<ArrayBuffer>;
}

/** What the owner of a channel is told. No handler is called before `open` has returned. */
export interface ChannelHandlers {
  /**
   * Something arrived. A byte channel hands over bytes, cut anywhere; a message channel hands over
   * text that is one or more whole lines (the last newline may be missing), and the raw bytes that
   * follow its last line in pieces of their own, cut anywhere. The bytes belong to the receiver until it
   * returns: whoever keeps them copies them. `moved` came with the one line that `data` is.
   */
  receive(data: Uint8Array | string, moved?: readonly unknown[]): void;
  /** After `write` returned false: there is room again. */
  drain(): void;
  /**
   * The channel has ended, by either side or by failure (then with the error). Called exactly once,
   * last, and never synchronously from `close` or `destroy`. What arrived before is delivered before.
   */
  close(error?: Error): void;
}

/**
 * A duplex connection to one peer: the port that everything of the protocol stands on.
 *
 * Order is kept both ways, nothing is lost or repeated while the channel is open, and nothing throws:
 * failure is told by `close(error)`. What arrives before `open` is kept (as far as the transport's own
 * window goes). Writes after the end are dropped without a word.
 */
export interface Channel extends Deliveries {
  /** `bytes`: a stream, pieces are cut anywhere. `messages`: pieces arrive as they were written. */
  readonly framing: 'bytes' | 'messages';
  readonly peer: ChannelPeer;
  /** Raw bytes may follow a line. Where it is not so, `write` is given text alone. */
  readonly binary?: boolean;
  /** `write` has read the bytes when it returns, so that they may be `lent`. */
  readonly takes?: boolean;
  /** Values may be moved along with a line: all that `postMessage` transfers, but for this, which is its own port. */
  readonly moves?: object | undefined;
  /** It is one request and its answer, in place of a connection: `Once` of the protocol, for the session over it. */
  readonly once?: object | undefined;
  /** Starts delivery. Called once. */
  open(handlers: ChannelHandlers): void;
  /**
   * Sends whole lines of text, and raw bytes after the last of them. Unless it `takes` them, the channel may read
   * the bytes until they have left; it changes nothing of them. False asks the writer to wait for `drain`; all is taken
   * all the same.
   */
  write(data: string, bytes?: Attachments): boolean;
  /** Bytes taken and not yet handed to the transport's peer, as well as the transport can tell. */
  readonly buffered: number;
  /** Asks the transport to deliver nothing more until `resume`. What is under way may still arrive. */
  pause(): void;
  resume(): void;
  /** Whether it keeps the process alive while it is open, as it does unless told. Only where runtimes know this. */
  hold?(keep: boolean): void;
  /**
   * Only where a better way to the same peer may be found later (a direct one beside a relay): told of
   * each such channel, which is the listener's from there on. Called once.
   */
  onBetter?(listener: (channel: Channel) => void): void;
  /** Ends the channel once what was written has left. */
  close(): void;
  /** Ends the channel at once; `close` handlers get the error, if one is given. */
  destroy(error?: Error): void;
}
