/** What every subject serves. Each one's client turns it into promises. */
export const api = {
  /** One short string in, one out. */
  shout: (text) => text.toUpperCase(),
  /** The same object back. */
  echo: (object) => object,
  /** How much it was given. */
  take: (data) => data.length,
  /** Calls what it was given. */
  tell: (callback) => void callback('told'),
};
