import type { Channel } from '../channel/channel.js';
import type { Limits } from '../limits.js';
import type { Calling } from './calling.js';
import type { Farewell } from './farewell.js';
import type { Heard } from './hello.js';
import type { Serving } from './serving.js';
import type { Wire } from './wire.js';

/** What a session lends to what makes it one over a single request. */
export interface OnceParts {
  readonly wire: Wire;
  readonly calling: Calling;
  readonly serving: Serving;
  readonly farewell: Farewell;
  readonly channel: Channel;
  readonly api: object;
}

/**
 * Handed to a session over one request and its answer; whoever never has one carries none of it. What each side
 * would say of itself goes without saying: neither says hello, its api, or that it leaves.
 */
export interface Once {
  /** What the peer is taken to have said of itself. */
  hello(limits: Limits): Heard;
  /** Begins. Throws where the api cannot be sent. */
  begin(parts: OnceParts): void;
  /** The session ends in good order. True where that is to be said, since its answer is not whole. */
  cut(): boolean;
  /** The session is over. */
  end(): void;
}
