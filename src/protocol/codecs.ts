import { DserviceError } from '../errors.js';
import type { References } from './decode.js';
import { type Coded, messageOf } from './encode.js';
import { placeCoded } from './place-coded.js';

/** How instances of a class travel: as data, by a name that both sides know. */
export interface Codec<T = unknown> {
  readonly name: string;
  /** The class. */
  readonly for: abstract new (...args: never[]) => T;
  /** Whether it takes instances of classes that extend it as well; `decode` makes what it wants of them. */
  readonly subclasses?: boolean;
  /** The data of an instance: anything that calls can carry. */
  encode(value: unknown): unknown;
  /** An instance of its data, which comes from a peer and may be anything: what it throws refuses the call. */
  decode(data: unknown): T;
  /** Those of one session: so they weigh nothing where none is made. Throws ERR_OPTION. @internal */
  among(all: readonly Codec[]): Codecs;
}

/** A codec, as it is written for one class. */
export interface CodecOf<T, D> {
  readonly name: string;
  readonly for: abstract new (...args: never[]) => T;
  readonly subclasses?: boolean;
  encode(value: T): D;
  decode(data: D): T;
}

/** Any data, and of a list which item stands where: so that `decode` reads one as it was written. */
type Data = [] | unknown[] | {} | null | undefined;

/**
 * Lets instances of a class be values of calls, between peers that both have a codec of that name among their
 * `codecs`. Both functions are synchronous. Throws ERR_OPTION.
 */
export function codec<T, D extends Data>(given: CodecOf<T, D>): Codec<T> {
  const { name, for: Class, subclasses, encode, decode } = given;
  if (typeof name !== 'string' || name === '' || name.length > 100) {
    throw wrong('the `name` of a codec is 1 to 100 characters');
  }
  const known: unknown = typeof Class === 'function' ? Class.prototype : undefined;
  if (typeof known !== 'object' || known === null || basic.some((proto) => proto === known)) {
    throw wrong(
      `\`for\` of the codec \`${name}\` is a class, and none whose instances are plain data`,
    );
  }
  if (isArrays(known)) {
    throw wrong(`\`for\` of the codec \`${name}\` is no class of arrays: they go as arrays`);
  }
  if (typeof encode !== 'function' || typeof decode !== 'function') {
    throw wrong(`the codec \`${name}\` has the functions \`encode\` and \`decode\``);
  }
  return {
    ...{ name, for: Class, subclasses: subclasses === true },
    // Only instances of the class get here, and data of the codec of that name.
    encode: (value) => given.encode(value as T),
    decode: (data) => given.decode(data as D),
    among: (all) => new Codecs(all),
  };
}

const basic: readonly unknown[] = [Object.prototype, Array.prototype, Promise.prototype];

/** Whether instances are arrays: of a class that extends Array, the prototype inherits its. */
function isArrays(proto: object): boolean {
  return 'copyWithin' in proto && 'concat' in proto;
}

function wrong(text: string): DserviceError {
  return new DserviceError('ERR_OPTION', text);
}

/** The codecs of one session. */
export class Codecs {
  readonly #byProto = new Map<unknown, Codec>();
  readonly #byName = new Map<unknown, Codec>();
  /** The names that the peer has as well. */
  readonly #agreed = new Set<string>();

  /** Throws ERR_OPTION where two are of one name, or of one class. */
  constructor(codecs: readonly Codec[]) {
    for (const each of codecs) {
      const proto: unknown = each.for.prototype;
      if (this.#byName.has(each.name)) throw wrong(`two codecs are named \`${each.name}\``);
      if (this.#byProto.has(proto)) throw wrong(`two codecs are for ${each.for.name}`);
      this.#byName.set(each.name, each);
      this.#byProto.set(proto, each);
    }
  }

  /** The peer has said which it has. */
  agree(names: readonly string[]): void {
    for (const name of names) if (this.#byName.has(name)) this.#agreed.add(name);
  }

  /** What an instance goes as; undefined where its class has no codec. What is thrown tells why it cannot be sent. */
  encode(value: object): Coded | undefined {
    const found = this.#find(value);
    if (found === undefined) return undefined;
    const { name } = found;
    if (!this.#agreed.has(name)) {
      throw new Error(`the peer has no codec \`${name}\`, by which a ${found.for.name} goes`);
    }
    const data = found.encode(value);
    if (data instanceof Promise || typeof data === 'function') {
      const what = typeof data === 'function' ? 'a function itself' : 'a promise';
      throw new Error(`the codec \`${name}\` makes ${what} of it`);
    }
    return { name, data };
  }

  #find(value: object): Codec | undefined {
    const own: unknown = Object.getPrototypeOf(value);
    for (let proto = own; proto !== null; proto = Object.getPrototypeOf(proto)) {
      const found = this.#byProto.get(proto);
      if (found === undefined) continue;
      if (proto === own || found.subclasses === true) return found;
      const { name } = value.constructor;
      throw new Error(`the codec \`${found.name}\` is for ${found.for.name}, and not for ${name}`);
    }
    return undefined;
  }

  /** Puts instances in the place of their data. */
  readonly place: NonNullable<References['placeCoded']> = (...placed) =>
    placeCoded(...placed, (name, data) => this.#decode(name, data));

  /** Throws ERR_MALFORMED for a name that was not agreed upon, ERR_DATA for data that is none. */
  #decode(name: unknown, data: unknown): unknown {
    const found = this.#byName.get(name);
    if (found === undefined) throw noCodec(name);
    try {
      const made = found.decode(data);
      if (!(made instanceof Promise)) return made;
      made.catch(() => {});
      throw new TypeError('it promises');
    } catch (error) {
      const text = `the codec \`${found.name}\` cannot read what came: ${messageOf(error)}`;
      throw new DserviceError('ERR_DATA', text);
    }
  }
}

export function noCodec(name: unknown): DserviceError {
  const what = typeof name === 'string' ? `\`${name.slice(0, 100)}\`` : 'of that name';
  return new DserviceError('ERR_MALFORMED', `there is no codec ${what} here`);
}
