import { isPlain, type Placement, type Types } from './decode.js';

/** Makes instances of their data: those within others first, as they were written. Throws ERR_MALFORMED, and what `make` does. */
export function placeCoded(
  place: Placement,
  types: Types,
  links: unknown,
  make: (name: unknown, data: unknown) => unknown,
): void {
  const entries = place.lists(types, 'codec');
  const aliases = new Map<string, unknown[]>();
  for (const link of Array.isArray(links) ? (links as { from: unknown; to: unknown }[]) : []) {
    const key = keyOf(link.from);
    const known = aliases.get(key);
    if (known === undefined) aliases.set(key, [link.to]);
    else known.push(link.to);
  }
  let made: unknown;
  let last: string | undefined;
  /** Links to an instance mean what is made last at its path. Each is followed once, however often that is named. */
  const follow = (): void => {
    if (last === undefined) return;
    const inside = `${last},`;
    for (const to of aliases.get(last) ?? []) {
      // Those within its data mean that.
      if (keyOf(to).startsWith(inside)) continue;
      place.change(to, () => made);
    }
    aliases.delete(last);
  };
  /** What holds instances, and until which of them. */
  const until = new Map<object, number>();
  for (const [i, [, path]] of entries.entries()) {
    place.parent(path, (holder) => until.set(holder, i));
  }
  for (const [i, [name, path]] of entries.entries()) {
    const at = keyOf(path);
    if (at !== last) follow();
    last = at;
    place.change(path, (data) => {
      complete(place, data, (holder) => (until.get(holder) ?? -1) < i);
      return (made = make(name, data));
    });
  }
  follow();
}

/** Fills what stands in a value, which is needed before the rest; but what `isReady` says holds more that is to come. */
function complete(place: Placement, value: unknown, isReady: (raw: object) => boolean): void {
  const found = [value];
  for (const each of found) {
    if (typeof each !== 'object' || each === null) continue;
    const raw = place.rawOf(each);
    if (raw === undefined && !isPlain(each)) continue;
    // What holds what is being made is filled with the rest.
    if (!isReady(raw ?? each) || !place.fillEarly(each, raw)) continue;
    for (const inner of Object.values(raw ?? each)) found.push(inner);
  }
}

/** A path as one text: of paths within it the beginning. */
function keyOf(path: unknown): string {
  return Array.isArray(path) ? path.map((key) => JSON.stringify(String(key))).join(',') : '';
}
