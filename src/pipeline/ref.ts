// A command is known by its id and, where it was pushed with a key, by both: the same id under another key is
// another command. Ids and keys have no control characters, so that the two can stand in one string.
const between = '\u001f';

export function refOf(id: string, key: string | undefined): string {
  return key === undefined ? id : `${key}${between}${id}`;
}

export function idOf(ref: string): string {
  return ref.slice(ref.indexOf(between) + 1);
}

/** The key that a command was pushed with: it may have another one in the queue where it is. */
export function keyOf(ref: string): string | undefined {
  const at = ref.indexOf(between);
  return at === -1 ? undefined : ref.slice(0, at);
}

/**
 * What decides in which part of a store a command is: its key, or its id up to the first `/`, which the commands that
 * it becomes have in common with it.
 */
export function placeOf(ref: string): string {
  return keyOf(ref) ?? (ref.split('/', 1)[0] as string);
}
