import { child, type Placement, put, type Types } from '../decode.js';

/**
 * Puts streams in the place of the functions that stand for them among the arguments of a message. `make` may give
 * a promise (of a blob): returns when all of those are in their places. Throws ERR_MALFORMED, ERR_LIMIT.
 */
export function readStreams(
  place: Placement,
  types: Types,
  make: (kind: unknown, functions: unknown, info: unknown) => unknown,
): Promise<unknown> | undefined {
  const late: Promise<void>[] = [];
  for (const [kind, path, info] of place.lists(types, 'stream')) {
    const [parent, last] = place.target(path);
    const made = make(kind, child(parent, last), info);
    if (made instanceof Promise) late.push(made.then((blob) => put(parent, last, blob)));
    else put(parent, last, made);
  }
  return late.length === 0 ? undefined : Promise.all(late);
}
