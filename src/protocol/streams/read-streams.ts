import { child, type Placement, put, type Types } from '../decode.js';

/** Where streams are made: the wire, which has none before it reads one. */
interface Maker {
  readonly streams: { make(kind: unknown, functions: unknown, info: unknown): unknown };
}

/**
 * Puts streams in the place of the functions that stand for them among the arguments of a message. What is made may be
 * a promise (of a blob): returns when all of those are in their places. Throws ERR_MALFORMED, ERR_LIMIT.
 */
export function readStreams(
  place: Placement,
  types: Types,
  maker: Maker,
): Promise<unknown> | undefined {
  const late: Promise<void>[] = [];
  for (const [kind, path, info] of place.lists(types, 'stream')) {
    const [parent, last] = place.target(path);
    const made = maker.streams.make(kind, child(parent, last), info);
    if (made instanceof Promise) late.push(made.then((blob) => put(parent, last, blob)));
    else put(parent, last, made);
  }
  return late.length === 0 ? undefined : Promise.all(late);
}
