/** Where to connect to or listen, and what to call then. */
export interface Place {
  port?: number;
  host?: string;
  /** Of a unix socket. */
  path?: string;
  block?: (...args: never[]) => unknown;
  /** What else stood in an options object. */
  [key: string]: unknown;
}

/**
 * Arguments in any order, told apart by their kind, as dnode does: digits are a port, a leading slash
 * is a path, other text a host, a function the callback; an object gives them by name.
 */
export function parseArgs(args: ArrayLike<unknown>): Place {
  const place: Place = {};
  for (const arg of Array.from(args)) {
    if (typeof arg === 'string') {
      if (/^\d+$/.test(arg)) place.port = Number.parseInt(arg, 10);
      else if (arg.startsWith('/')) place.path = arg;
      else place.host = arg;
    } else if (typeof arg === 'number') {
      place.port = arg;
    } else if (typeof arg === 'function') {
      // What a callback takes is known where it is called.
      place.block = arg as (...args: never[]) => unknown;
    } else if (typeof arg === 'object' && arg !== null) {
      for (const [key, value] of Object.entries(arg)) {
        place[key] = key === 'port' ? Number.parseInt(String(value), 10) : value;
      }
    }
  }
  return place;
}
