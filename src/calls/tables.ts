import { DserviceError } from '../errors.js';
import type { Limits } from '../limits.js';
import { fits } from '../protocol/ascii.js';
import { decode } from '../protocol/decode.js';
import { encode } from '../protocol/encode.js';
import { asKnown } from '../protocol/error-value.js';
import { exposing } from '../protocol/exposing.js';
import { LocalFunctions } from '../protocol/functions.js';
import { agreed, type Feature, type Heard } from '../protocol/hello.js';
import { type Message, readId } from '../protocol/message.js';
import { RemoteFunctions, type RemoteHost } from '../protocol/references.js';

/** Ids in one message that lets go of functions. */
const atOnce = 2_000;

/** The functions that each side holds of the other's, and the codec over them. */
export class Tables {
  readonly #limits: Limits;
  readonly local: LocalFunctions;
  readonly references: RemoteFunctions;
  /** What both can do, and how much; undefined while, or for ever if, the peer is a plain one. */
  hello: Pick<Heard, 'agreed' | 'limits'> | undefined;
  #lastId = -1;

  constructor(limits: Limits, host: RemoteHost) {
    this.#limits = limits;
    this.local = new LocalFunctions(this, limits.functions);
    this.references = new RemoteFunctions(host, limits.functions);
  }

  /** Ids of functions and of outcomes come from one counter, and none is used again. */
  nextId(): number {
    return ++this.#lastId;
  }

  issued(id: number): boolean {
    return id >= 0 && id <= this.#lastId;
  }

  /** Whether both sides named a feature in their hello. */
  agreed(feature: Feature): boolean {
    return agreed(this.hello, feature);
  }

  /** The peer has said what it can do, or that it is a plain one. */
  greet(hello: Tables['hello']): void {
    this.hello = hello;
    this.references.plain = !this.agreed('cull');
    this.local.limit = Math.min(this.local.limit, hello?.limits.functions ?? Infinity);
  }

  /**
   * Arguments, and the keys they need beside them. `outcome`: the id of a callback that a plain peer is given last;
   * `settled`: promises whose outcome is known. Throws ERR_DATA, ERR_LIMIT, ERR_RELEASED; `Unresolved` for a promise
   * that has to be awaited first.
   */
  encode(
    args: readonly unknown[],
    outcome?: number,
    settled?: ReadonlyMap<object, unknown>,
    beside = 0,
  ): string {
    const mentioned: number[] = [];
    const callback = outcome === undefined ? undefined : () => undefined;
    const most = this.hello?.limits.line ?? Infinity;
    try {
      const text = encode(
        callback === undefined ? args : [...args, callback],
        {
          settled,
          mention: (fn, fresh, path) => {
            if (fn === callback && outcome !== undefined) return outcome;
            const id = this.local.mention(fn, fresh, path);
            mentioned.push(id);
            return id;
          },
          own: (fn) => this.references.find(fn)?.id,
          stream: refuseBeyond,
        },
        {
          extended: this.agreed('types') && this.agreed('links') && this.agreed('own'),
          ...{ stacks: false, limits: this.#limits },
        },
      );
      // The rest of the message needs some room too.
      if (fits(text, most - 1_024 - beside)) return text;
      throw new DserviceError('ERR_LIMIT', `the peer reads lines of at most ${most} bytes`);
    } catch (error) {
      // The peer will never hear of these, so it will never let them go.
      for (const id of mentioned) this.local.unmention(id);
      throw error;
    }
  }

  /** The outcome of a callback, or why it cannot be sent; undefined for a peer that reads no line as long as that. */
  encodeAnswer(answer: readonly unknown[]): string | undefined {
    try {
      return this.encode(answer);
    } catch (error) {
      const { code, message } = asKnown(error);
      try {
        return this.encode([new DserviceError(code, message)]);
      } catch {
        return undefined;
      }
    }
  }

  /** The arguments of a message, which is a call `of` something or its outcome. Throws ERR_MALFORMED, ERR_LIMIT, ERR_REFERENCE. */
  decode(message: Message, of = ''): unknown[] {
    this.references.reading = of;
    return decode(
      message,
      {
        reference: (id, path) => this.references.reference(id, path),
        ours: (id) => {
          const local = this.local.get(id);
          if (local !== undefined) return local.fn;
          throw new DserviceError('ERR_REFERENCE', `function ${id} was never given`);
        },
      },
      { extended: this.hello !== undefined, limits: this.#limits },
    );
  }

  /** The peer holds so many references less to functions of ours. */
  cull(counts: readonly (readonly [id: unknown, count: unknown])[]): void {
    for (const [key, count] of counts) {
      const id = readId(key);
      if (id !== undefined && typeof count === 'number' && count > 0) this.local.cull(id, count);
    }
  }

  /** What nobody waits for any more: its functions are let go. */
  drop({ callbacks }: Message): void {
    for (const key of Object.keys(callbacks ?? {})) {
      const id = readId(key);
      if (id !== undefined) this.references.unmention(id);
    }
  }

  /** The lines that tell the peer which of its functions are not held any more. */
  *culls(): Iterable<string> {
    const all = [...this.references.takeCulls()];
    for (let at = 0; at < all.length; at += atOnce) {
      const some = all.slice(at, at + atOnce);
      const ids = some.map(([id]) => id).join(',');
      yield this.agreed('cull')
        ? `{"control":"cull","counts":${JSON.stringify(Object.fromEntries(some))}}`
        : `{"method":"cull","arguments":[${ids}],"callbacks":{},"links":[]}`;
    }
  }
}

/** What would arrive as something else, since this session cannot send it as what it is. Throws ERR_DATA. */
function refuseBeyond(value: object): undefined {
  const stream = Symbol.asyncIterator in value || 'getReader' in value || 'getWriter' in value;
  if (!stream && exposing(value) === undefined && !('arrayBuffer' in value)) return;
  const text = 'streams, blobs and instances of `Exposed` are beyond dservice/calls';
  throw new DserviceError('ERR_DATA', text);
}
