import { DserviceError } from '../errors.js';
import { type Attached, steady } from './attachments.js';
import { messageOf } from './encode.js';
import { gone, listed, type Mover } from './listed.js';
import type { Path } from './message.js';

/** These travel by the functions that read and write them. */
const streams = new Set(['ReadableStream', 'WritableStream', 'TransformStream']);

const twice = 'it was moved before: what was moved cannot be sent a second time';

/** Moves what `transfer` was told of, as `postMessage` does. */
export class Moves implements Mover {
  readonly #port: object;
  readonly #listed = new Set<object>();
  #found: object[] = [];
  #paths: string[] = [];

  /** `port`: it cannot be moved over itself. */
  constructor(port: object) {
    this.#port = port;
  }

  /** Whether that is moved: it, or the buffer of a view, was listed with a value that it is or stands in. Throws for what cannot be. */
  move(value: object, path: Path): boolean {
    const list = listed.get(value)?.list;
    if (list !== undefined) this.#add(list);
    if (this.#listed.size === 0) return false;
    const thing = sourceOf(value);
    if (!this.#listed.has(thing)) return false;
    if (streams.has(Object.prototype.toString.call(value).slice(8, -1))) return false;
    if (thing === this.#port) throw new TypeError('the port of a session is not moved over it');
    if (gone.has(thing)) throw new TypeError(twice);
    // Not every runtime refuses a buffer that is somewhere else by now: this throws.
    if ('byteLength' in thing) new Uint8Array(thing as ArrayBuffer);
    this.#found.push(value);
    this.#paths.push(path.join('.'));
    return true;
  }

  #add(list: readonly object[]): void {
    if (new Set(list).size < list.length) throw new TypeError('it is listed twice with `transfer`');
    for (const each of list) this.#listed.add(each);
  }

  /** What follows the line, with what was found: from here on that is ours, and gone where it was. Throws ERR_DATA. */
  take(attached: Attached | undefined): Attached | undefined {
    if (this.#listed.size === 0) return attached;
    // A part of what goes could stand elsewhere as well, where it was not listed.
    const kept = attached && steady(attached);
    const [found, paths] = [this.#found, this.#paths.join(', ')];
    this.clear();
    if (found.length === 0) return kept;
    const made = new Map<object, object>();
    const list: object[] = [];
    try {
      // At once, and not when there is room to post it: nobody can change it, or move it elsewhere, until then. Buffers
      // go last: one that is detached was found before, and Chromium looks for ports that are when buffers are gone.
      for (const buffers of [false, true]) {
        const group = found.filter((it) => 'byteLength' in it === buffers);
        const sources = [...new Set(group.map(sourceOf))];
        const [values, moved] = structuredClone([group, sources], {
          // What is none is refused there.
          transfer: sources as Transferable[],
        }) as [object[], object[]];
        for (const [i, value] of values.entries()) made.set(group[i] ?? value, value);
        list.push(...moved);
        for (const source of sources) gone.add(source);
      }
      const values = found.map((it) => made.get(it) ?? it);
      return Object.assign([...(kept ?? [])], { moved: { values, list } });
    } catch (cause) {
      const text = `argument ${paths} cannot be moved: ${messageOf(cause)}`;
      throw new DserviceError('ERR_DATA', text, { cause });
    }
  }

  clear(): void {
    this.#listed.clear();
    this.#found = [];
    this.#paths = [];
  }
}

/** What is listed to move that. */
function sourceOf(value: object): object {
  return ArrayBuffer.isView(value) ? value.buffer : value;
}
