import { drain, flow } from '../flow.mjs';

/** What every subject serves. Each one's client turns it into promises. */
export const api = {
  /** One short string in, one out. */
  shout: (text) => text.toUpperCase(),
  /** The same object back. */
  echo: (object) => object,
  /** How much it was given. */
  take: (data) => data.length,
  /** A stream of so many bytes. */
  flow: (total) => flow(total),
  /** Reads a stream; resolves with how many bytes it had. */
  drain: (stream) => drain(stream),
  /** Calls what it was given. */
  tell: (callback) => void callback('told'),
};
