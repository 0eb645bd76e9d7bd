import { DserviceError } from '../../errors.js';
import type { AnyFunction } from '../encode.js';
import { hidden, type MapFunction, pending } from './ahead.js';

/** Under this symbol, what stands for a value of a recording has where it comes from. */
const recorded: unique symbol = Symbol('dservice.recorded');

/** Of which entry's outcome (-1: the element), and where in it. */
interface Source {
  readonly recording: Recording;
  readonly on: number;
  readonly path: readonly string[];
}

/** The wire that it is recorded for. */
interface RecordingWire {
  encodeWithin(args: readonly unknown[]): string;
}

/**
 * What a function does with an element, written down for the peer to do it (protocol page, `map`). The function is
 * called once, with what stands for the element: whatever it reads and calls becomes an entry.
 */
export class Recording {
  readonly #wire: RecordingWire;
  #entries: string[] = [];

  constructor(wire: RecordingWire) {
    this.#wire = wire;
  }

  /** The entries, as they go into a message. Throws ERR_DATA for what cannot be recorded, and what `fn` throws. */
  record(fn: MapFunction): string {
    const outer = this.#entries;
    this.#entries = [];
    try {
      const result: unknown = (fn as (item: unknown) => unknown)(this.#standIn(-1, []));
      this.#finish(result);
      return `[${this.#entries.join(',')}]`;
    } finally {
      this.#entries = outer;
    }
  }

  /** Writes a call down: `head` is its target, as it goes into a message. Returns what stands for its outcome. */
  call(head: string, args: readonly unknown[] | undefined): unknown {
    // First, since what it is given may need entries before it.
    const given = args === undefined ? '' : `,"arguments":${this.#wire.encodeWithin(args)}`;
    return this.#standIn(this.#add(`{${head}${given}}`), []);
  }

  /** The entry whose outcome a stand-in is; undefined for any other value. Throws ERR_DATA for another recording's. */
  entryOf(value: object): number | undefined {
    const source = sourceOf(value);
    if (source === undefined) return undefined;
    if (source.recording !== this) checkRecorded(value);
    const { on, path } = source;
    return path.length === 0 ? on : this.#add(headOf(on, path, '}'));
  }

  #add(entry: string): number {
    return this.#entries.push(entry) - 1;
  }

  /** The last entry is the result. */
  #finish(result: unknown): void {
    const isObject =
      (typeof result === 'object' && result !== null) || typeof result === 'function';
    const source = isObject ? sourceOf(result) : undefined;
    if (source === undefined) {
      this.#add(`{"arguments":${this.#wire.encodeWithin([result])}}`);
    } else if (source.path.length > 0 || source.on !== this.#entries.length - 1 || source.on < 0) {
      this.#add(headOf(source.on, source.path, '}'));
    }
  }

  #standIn(on: number, path: readonly string[]): unknown {
    const source: Source = { recording: this, on, path };
    return new Proxy(() => {}, {
      apply: (_target, _self, args: unknown[]) => this.call(headOf(on, path).slice(1), args),
      get: (_target, key): unknown => {
        if (key === recorded) return source;
        if (key === Symbol.toPrimitive) throw misused('a value of a `map` is not known here');
        if (key === 'map') return (fn: MapFunction) => this.#map(source, fn);
        // A promise must be able to hold it.
        if (typeof key === 'symbol' || key === 'then' || hidden.has(key)) return undefined;
        return this.#standIn(on, [...path, key]);
      },
    });
  }

  #map({ on, path }: Source, fn: MapFunction): unknown {
    const entries = this.record(fn);
    return this.#standIn(this.#add(headOf(on, path, `,"map":${entries}}`)), []);
  }
}

/** The promise that a function stands for, or itself where it stands for a value of a recording. */
export function standsFor(fn: AnyFunction & { readonly [pending]?: object }): object | undefined {
  return fn[pending] ?? (sourceOf(fn) === undefined ? undefined : fn);
}

/** Throws ERR_DATA for what stands for a value of a recording, and was carried out of it. */
export function checkRecorded(value: object): void {
  if (sourceOf(value) !== undefined) throw misused('a value of a `map` was used outside of it');
}

function sourceOf(value: object): Source | undefined {
  return (value as { [recorded]?: Source })[recorded];
}

function headOf(on: number, path: readonly string[], rest = ''): string {
  return `{"on":${on},"method":${JSON.stringify(path)}${rest}`;
}

function misused(text: string): DserviceError {
  return new DserviceError('ERR_DATA', text, { mayHaveRun: false });
}
