import { DserviceError } from '../../errors.js';
import type { AnyFunction } from '../encode.js';
import { isRecord, type Message, readId } from '../message.js';
import type { Wire } from '../wire.js';
import type { Host } from './host.js';
import { filled } from './slots.js';
import { functionAt, malformed, readPath, stepTo } from './steps.js';

/** Elements that are worked on at a time. */
const atATime = 16;
/** Recordings within recordings, at most. */
const deepest = 8;

/** A function of ours that a message names. */
export interface NamedFunction {
  readonly fn: AnyFunction;
  readonly name: string;
  readonly method: string | undefined;
}
/** Finds a function of ours by its id or its name. Throws ERR_METHOD, ERR_RELEASED. */
export type Named = (method: number | string) => NamedFunction;

export interface ReplayOptions {
  readonly wire: Wire;
  readonly serving: Host;
  readonly named: Named;
}

/** One entry: what to do with the outcomes of those before. */
type Entry = (outcomeOf: (entry: number) => Promise<unknown>, message: Message) => Promise<unknown>;

/** What a peer recorded, to be done with each element of a list (protocol page, `map`). */
export class Replay {
  readonly #options: ReplayOptions;
  readonly #entries: readonly Entry[];

  /** Throws ERR_MALFORMED, ERR_LIMIT, ERR_METHOD, ERR_REFERENCE. */
  constructor(entries: unknown, options: ReplayOptions, depth = 1) {
    this.#options = options;
    const { limits } = options.wire;
    if (!Array.isArray(entries) || entries.length === 0) throw malformed('`map` is not a list');
    if (entries.length > limits.entries || depth > deepest) {
      throw new DserviceError('ERR_LIMIT', '`map` has too many entries', { mayHaveRun: false });
    }
    this.#entries = entries.map((entry: unknown, i) => this.#read(entry, i, depth));
  }

  /** The outcomes for each element of a list, in its order; for anything else its own; nothing for nothing. */
  async over(list: unknown, message: Message): Promise<unknown> {
    if (list === undefined || list === null) return list;
    if (!Array.isArray(list)) return this.#one(list, message);
    const { limits } = this.#options.wire;
    if (list.length * this.#entries.length > limits.nodes) {
      const text = `more than ${limits.nodes} calls by one \`map\``;
      throw new DserviceError('ERR_LIMIT', text, { mayHaveRun: false });
    }
    const outcomes: unknown[] = Array.from({ length: list.length });
    let next = 0;
    const work = async (): Promise<void> => {
      while (next < list.length) {
        const i = next++;
        outcomes[i] = await this.#one(list[i], message);
      }
    };
    await Promise.all(Array.from({ length: Math.min(atATime, list.length) }, work));
    return outcomes;
  }

  async #one(element: unknown, message: Message): Promise<unknown> {
    const outcomes: Promise<unknown>[] = [];
    const outcomeOf = async (entry: number): Promise<unknown> =>
      entry === -1 ? element : outcomes[entry];
    for (const entry of this.#entries) outcomes.push(entry(outcomeOf, message));
    // All, since what nobody looks at may have failed as well.
    return (await Promise.all(outcomes)).at(-1);
  }

  #read(entry: unknown, at: number, depth: number): Entry {
    if (!isRecord(entry)) throw malformed('an entry of `map` is not an object');
    const { wire, named } = this.#options;
    const { methods } = wire;
    const { on, method, map, new: construct } = entry;
    const args = entry.arguments === undefined ? undefined : wire.decode(entry, '', true);
    const results = isRecord(entry.results)
      ? Object.keys(entry.results).map((key) => before(readEntry(key), at))
      : [];
    /** Arguments, with the outcomes of entries in their place. */
    const fill = async (outcomeOf: (entry: number) => Promise<unknown>): Promise<unknown[]> => {
      if (results.length === 0) return filled(args ?? [], () => undefined);
      const values = await Promise.all(results.map(outcomeOf));
      return filled(args ?? [], (call) => values[results.indexOf(call)]);
    };
    if (on === undefined && method === undefined) return async (of) => (await fill(of))[0];
    if (on === undefined) {
      if (typeof method !== 'string' && readId(method) === undefined)
        throw malformed('an entry of `map` has no method');
      const found = named(method as number | string);
      return async (of, message) =>
        this.#run(found.fn, await fill(of), { ...message, new: construct }, found);
    }
    const path = readPath(method);
    const source = on === -1 ? -1 : before(readId(on), at);
    if (map !== undefined) {
      const inner = new Replay(map, this.#options, depth + 1);
      return async (of, message) => inner.over(stepTo(await of(source), path, methods), message);
    }
    if (args === undefined) return async (of) => stepTo(await of(source), path, methods);
    return async (of, message) => {
      const fn = functionAt(await of(source), path, methods);
      const within = { ...message, new: construct };
      return this.#run(fn, await fill(of), within, { name: path.join('.'), method: undefined });
    };
  }

  #run(
    fn: AnyFunction,
    args: unknown[],
    { meta, new: construct }: Message,
    { name, method }: Pick<NamedFunction, 'name' | 'method'>,
  ): Promise<unknown> {
    return new Promise((fulfil, reject) => {
      this.#options.serving.run(fn, args, { meta, new: construct }, name, method, (answer) => {
        // A handler may have thrown anything.
        // oxlint-disable-next-line prefer-promise-reject-errors
        if (answer.length === 1) reject(answer[0]);
        else fulfil(answer[1]);
      });
    });
  }
}

/** A key of `results` in an entry: that of an entry before, or -1. */
function readEntry(key: string): number | undefined {
  return key === '-1' ? -1 : readId(key);
}

function before(entry: number | undefined, at: number): number {
  if (entry !== undefined && entry >= -1 && entry < at) return entry;
  throw malformed('an entry of `map` stands on one that is not before it');
}
