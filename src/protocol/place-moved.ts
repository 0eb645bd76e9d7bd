import { malformed, type Placement, type Types } from './decode.js';

/** Puts what was moved beside the line in its place, where null stands. Throws ERR_MALFORMED. */
export function placeMoved(place: Placement, types: Types, values: readonly unknown[] = []): void {
  let count = 0;
  place.each(types, 'clone', (raw, i) => {
    const value = values[i];
    count++;
    if (raw === null && !isHolder(value)) return value;
    throw malformed('what was moved is not of a kind that is, or has no place');
  });
  if (count < values.length) throw malformed('there is not one value for each of `types.clone`');
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
