import { child, malformed, type Placement, put } from './decode.js';

/** Puts what was moved beside the line in its place, where null stands. Throws ERR_MALFORMED. */
export function placeMoved(
  place: Placement,
  types: Readonly<Record<string, unknown>>,
  values: readonly unknown[] = [],
): void {
  const paths = place.paths(types, 'clone');
  if (paths.length !== values.length) {
    throw malformed('there is not one value for each of `types.clone`');
  }
  for (const [i, path] of paths.entries()) {
    const [parent, last] = place.target(path);
    const value = values[i];
    if (isHolder(value) || child(parent, last) !== null) {
      throw malformed('what was moved is not of a kind that is, or has no place');
    }
    put(parent, last, value);
  }
}

const holders = new Set(['Array', 'Map', 'Set', 'Error', 'Number', 'String', 'Boolean', 'BigInt']);

/** Whether it may hold other values, or is none but a box: those travel in the line, where they are counted. */
function isHolder(value: unknown): boolean {
  if (value === undefined) return true;
  const proto: unknown = Object.getPrototypeOf(value);
  if (typeof proto !== 'object' || proto === null) return true;
  // Of any realm: what is plain has the prototype that has none.
  if (Object.getPrototypeOf(proto) === null) return true;
  return holders.has(Object.prototype.toString.call(value).slice(8, -1));
}
