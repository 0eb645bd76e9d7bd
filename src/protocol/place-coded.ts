import { child, isPlain, malformed, type Placement, put } from './decode.js';

/** Makes instances of their data: those within others first, as they were written. Throws ERR_MALFORMED, and what `make` does. */
export function placeCoded(
  place: Placement,
  types: Readonly<Record<string, unknown>>,
  links: unknown,
  make: (name: unknown, data: unknown) => unknown,
): void {
  const entries = place.paths(types, 'codec');
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
      const [holder, key] = place.target(to);
      put(holder, key, made);
    }
    aliases.delete(last);
  };
  /** What holds instances, and until which of them. */
  const until = new Map<object, number>();
  for (const [i, entry] of entries.entries()) {
    if (!Array.isArray(entry)) throw malformed('an entry of `types.codec` is not a pair');
    place.parent(entry[1], (holder) => until.set(holder, i));
  }
  for (const [i, entry] of entries.entries()) {
    const [name, path] = entry as unknown[];
    const at = keyOf(path);
    if (at !== last) follow();
    last = at;
    const [parent, key] = place.target(path);
    const data = child(parent, key);
    complete(place, data, (holder) => (until.get(holder) ?? -1) < i);
    made = make(name, data);
    put(parent, key, made);
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
