import { keep, namesOf, read } from './kept.js';

/** An order that has come to its end. */
export interface Delivered {
  readonly id: string;
  readonly what: string;
  /** What the recipient said, if there was one. */
  readonly receipt?: string | undefined;
  /** Milliseconds since 1970. */
  readonly at: number;
}

const start = 'delivered:';
const most = 20;

/** Writes it down. Done twice, it is the same as done once: that is what steps have to be. */
export function deliver({ id, ...order }: Delivered): void {
  if (read(start + id) !== undefined) return;
  keep(start + id, JSON.stringify(order));
  for (const { id: old } of delivered().slice(most)) keep(start + old, undefined);
}

/** The last ones, the newest first. */
export function delivered(): Delivered[] {
  return namesOf(start)
    .flatMap((name): Delivered[] => {
      const text = read(name);
      // Nobody else writes under these names.
      const order = JSON.parse(text ?? 'null') as Omit<Delivered, 'id'> | null;
      return order === null ? [] : [{ id: name.slice(start.length), ...order }];
    })
    .sort((a, b) => b.at - a.at);
}
