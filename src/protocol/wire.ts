import type { Channel } from '../channel/channel.js';
import type { Clock } from '../clock.js';
import { DserviceError } from '../errors.js';
import type { Limits } from '../limits.js';
import { decode, type References } from './decode.js';
import { type AnyFunction, encode, type Encoded, type FunctionIds } from './encode.js';
import { LocalFunctions } from './functions.js';
import type { Hello } from './hello.js';
import type { Message } from './message.js';
import { Outbox } from './outbox.js';
import { type Caller, RemoteFunctions } from './references.js';

export interface WireOptions {
  readonly channel: Channel;
  readonly clock: Clock;
  readonly limits: Limits;
  /** Whether errors carry their stack. */
  readonly stacks: boolean;
}

/** What the calling and the serving half of a session share: the tables of functions, the codec, the way out. */
export class Wire {
  readonly limits: Limits;
  readonly outbox: Outbox;
  readonly local: LocalFunctions;
  readonly references: RemoteFunctions;
  /** What the peer said of itself; undefined while, or for ever if, it is a plain dnode peer. */
  hello: Hello | undefined;
  readonly #stacks: boolean;
  readonly #ids: FunctionIds;
  readonly #given: References;
  #lastId = -1;

  constructor(options: WireOptions, caller: Caller) {
    const { channel, clock, limits } = options;
    this.limits = limits;
    this.#stacks = options.stacks;
    this.outbox = new Outbox(channel, clock, limits.unsent);
    this.local = new LocalFunctions(() => this.nextId(), limits.functions);
    this.references = new RemoteFunctions(caller, limits.functions, () =>
      clock.defer(() => this.sendCulls()),
    );
    this.#ids = {
      mention: (fn, fresh, path) => this.local.mention(fn, fresh, path),
      own: (fn) => this.references.find(fn)?.id,
      method: (instance, name) => this.local.method(instance, name),
    };
    this.#given = {
      reference: (id) => this.references.reference(id),
      ours: (id) => {
        const local = this.local.get(id);
        if (local !== undefined) return local.fn;
        throw new DserviceError('ERR_REFERENCE', `function ${id} was never given on this session`);
      },
    };
  }

  get plain(): boolean {
    return this.hello === undefined;
  }

  /** Ids of functions and of outcomes come from one counter, and none is used again. */
  nextId(): number {
    return ++this.#lastId;
  }

  /** Whether an id was ever given by this side. */
  issued(id: number): boolean {
    return id >= 0 && id <= this.#lastId;
  }

  /** The peer has said hello: from here on the session is extended. */
  greet(hello: Hello): void {
    this.hello = hello;
    this.references.plain = false;
    this.local.limit = Math.min(this.local.limit, hello.limits.functions ?? Infinity);
  }

  /** The one place where a message is written. `line` ends without its newline. */
  write(line: string): void {
    this.outbox.push(this.plain ? `${ascii(line)}\n` : `${line}\n`);
  }

  /** A message between sessions. A plain peer would not know what to do with it. */
  control(control: string, rest = ''): void {
    if (!this.plain) this.write(`{"control":"${control}"${rest}}`);
  }

  /**
   * Arguments as they go into a message. `outcome`, for plain peers, adds a callback with that id as
   * the last one. Throws ERR_DATA, ERR_LIMIT, ERR_RELEASED.
   */
  encode(args: readonly unknown[], outcome?: number): Encoded {
    const { hello, limits } = this;
    const options = { extended: hello !== undefined, stacks: this.#stacks, limits };
    if (outcome !== undefined) {
      const callback: AnyFunction = () => undefined;
      const { mention } = this.#ids;
      const ids: FunctionIds = {
        ...this.#ids,
        mention: (fn, fresh, path) => (fn === callback ? outcome : mention(fn, fresh, path)),
      };
      return encode([...args, callback], ids, options);
    }
    const encoded = encode(args, this.#ids, options);
    const line = hello?.limits.line ?? Infinity;
    // The rest of the message needs some room too.
    if (encoded.json.length + encoded.extras.length > line - 1_024) {
      throw new DserviceError('ERR_LIMIT', `the peer reads lines of at most ${line} bytes`);
    }
    return encoded;
  }

  /** The arguments of a message. Throws ERR_MALFORMED, ERR_LIMIT, ERR_REFERENCE. */
  decode(message: Message): unknown[] {
    return decode(message, this.#given, { extended: !this.plain, limits: this.limits });
  }

  /** Tells the peer which of its functions are not held any more. */
  sendCulls(): void {
    const culls = this.references.takeCulls();
    if (culls.size === 0) return;
    if (this.plain) {
      const ids = [...culls.keys()].join(',');
      this.write(`{"method":"cull","arguments":[${ids}],"callbacks":{},"links":[]}`);
    } else {
      this.control('cull', `,"counts":${JSON.stringify(Object.fromEntries(culls))}`);
    }
  }

  clear(): void {
    this.outbox.stop();
    this.local.clear();
    this.references.clear();
  }
}

/** Old peers corrupt UTF-8 that is split across two pieces, so for them it is escaped. */
function ascii(line: string): string {
  // oxlint-disable-next-line no-control-regex
  if (!/[^\x00-\x7f]/.test(line)) return line;
  return line.replace(
    /[^\x00-\x7f]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
