// What every subject serves. Each one's client turns it into promises.
/** One short string in, one out. */
export const shout = (text) => text.toUpperCase();

/** The same object back. */
export const echo = (object) => object;

/** Calls what it was given. */
export const tell = (callback) => callback('told');
