import type { Attached } from './attachments.js';
import type { Path } from './message.js';

/** What of a message is moved beside its line: found while it is encoded, and taken once nothing else can fail. */
export interface Mover {
  /** Whether that is moved. Throws for what cannot be. */
  move(value: object, path: Path): boolean;
  /** What follows the line, with what was found: from here on that is ours, and gone where it was. Throws ERR_DATA. */
  take(attached: Attached | undefined): Attached | undefined;
  /** Nothing is moved. */
  clear(): void;
}

/** What is moved along with a value, and what moves it: so that whoever never says `transfer` carries nothing that does. */
export interface Listed {
  readonly list: readonly object[];
  makeMover(port: object): Mover;
}

/** What was moved: it is empty here, or good for nothing, for ever. */
export const gone = new WeakSet<object>();

/** What `transfer` was told, by the values that it was told of. */
export const listed = new WeakMap<object, Listed>();
