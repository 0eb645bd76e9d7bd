/** What is sent to a server: a body of JSON, and headers beside its media type. */
export interface Sent {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /**
   * Gets the body of an answer with status 200 piece by piece, as it comes and of any length; it is lent. The
   * body of what `send` resolves with is empty then.
   */
  readonly receive?: ((piece: Uint8Array) => void) | undefined;
  /** Gives up with its reason: the connection is closed, so that the server learns it. */
  readonly signal: AbortSignal;
}

export interface Received {
  readonly status: number;
  readonly body: string;
}

/**
 * How a runtime reaches one HTTP server: its own way, and its own connections, kept for the next calls.
 *
 * `send` rejects with ERR_CONNECTION_LOST where there is no whole answer, `mayHaveRun` false exactly where
 * nothing of the request can have arrived; with ERR_LIMIT for a body of more than `limits.line` bytes; or with
 * the signal's reason. It follows no redirection.
 */
export interface Post {
  /**
   * Resolves when somebody accepts connections there, as far as the runtime can find out without a request.
   * Rejects with ERR_CONNECT, ERR_TIMEOUT, ERR_OPTION.
   */
  reach(timeout: number, signal: AbortSignal | undefined): Promise<void>;
  send(request: Sent): Promise<Received>;
  /** Whether what is under way keeps the process alive, where runtimes know this. */
  hold(keep: boolean): void;
  /** Closes connections that nobody uses. */
  close(): void;
}

/** What a way to a server is made of. Throws ERR_OPTION. */
export interface PostOptions {
  readonly url: string;
  readonly limits: { readonly line: number };
  /** Connections at a time, where the runtime does not bound them itself; any number, without it. */
  readonly sockets?: number | undefined;
  readonly tls?: object | undefined;
}

export type MakePost = (options: PostOptions) => Post;
