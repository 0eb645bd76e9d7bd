import type { Channel } from '../channel/channel.js';
import type { Clock } from '../clock.js';
import { DserviceError } from '../errors.js';
import type { Limits } from '../limits.js';
import { ascii, fits } from './ascii.js';
import { type Attached, sizeOf } from './attachments.js';
import type { Bytes } from './bytes.js';
import type { Codec } from './codecs.js';
import { answer, Crossing, type CrossingHost, type Settled } from './crossing.js';
import { decode, type DecodeOptions } from './decode.js';
import { type AnyFunction, encode, type EncodeOptions } from './encode.js';
import { LocalFunctions, type LocalHost } from './functions.js';
import { agreed, type Feature, featuresOfControls, type Heard } from './hello.js';
import { type Gone, type HolderOfFunctions, keeperOf } from './keeper.js';
import { listed, type Mover } from './listed.js';
import { isRecord, type Message, readId } from './message.js';
import type { CallOptions } from './options.js';
import { Outbox } from './outbox.js';
import { OwnMethods } from './own-methods.js';
import { Slot } from './pipelining/slots.js';
import { Digits, plainJson } from './quick.js';
import { type Reference, RemoteFunctions, type RemoteHost } from './references.js';
import type { Tables } from './session-handle.js';
import { Signals, type SignalsWire } from './signals.js';
import type { Streams } from './streams/streams.js';

export type { Settled } from './crossing.js';

const cullsAtOnce = 2_000;

/** Bytes of one message, in all, up to which it is cheaper that they stand in its line. */
const fewBytes = 512;

const slot = (call: number) => new Slot(call);

export interface WireOptions {
  readonly clock: Clock;
  readonly limits: Limits;
  /** Whether errors carry their stack. */
  readonly stacks?: boolean | undefined;
  readonly codecs?: readonly Codec[] | undefined;
}

/** Whose wire it is: the session. */
export interface WireHost extends HolderOfFunctions {
  makeStreams(): Streams;
}

/** What the calling half does for the wire. */
export interface WireCalling {
  reference(target: Reference, args: unknown[], given?: CallOptions): Promise<unknown>;
  /** The call whose outcome a value is to be, if the peer can put it in place. */
  outcomeOf(value: object): number | undefined;
  /** As `Wire.write`, after what is held back: a cull must not overtake what names the functions. */
  send(line: string): void;
}

/** What the calling and the serving half of a session share: the tables of functions, the codec, the way out. */
export class Wire implements RemoteHost, LocalHost, CrossingHost, SignalsWire {
  readonly limits: Limits;
  readonly outbox: Outbox;
  readonly local: LocalFunctions;
  readonly references: RemoteFunctions;
  readonly methods = new OwnMethods();
  /** The session's streams, once there were any. */
  anyStreams: Streams | undefined;
  /** The session's signals, once there was one. */
  signals: Signals | undefined;
  /** What the peer said of itself; undefined while, or for ever if, it is a plain dnode peer. */
  hello: Heard | undefined;
  #encoding: EncodeOptions;
  #decoding: DecodeOptions;
  readonly crossing: Crossing;
  /** What follows the line of the message encoded last. */
  #attached: Attached | undefined;
  /** A message is being made: code of the user's may run meanwhile. */
  #encodes = false;
  /** The port beside whose lines values can be moved, where there is one; and what is moved, once something was. */
  readonly #port: object | undefined;
  #moves: Mover | undefined;
  #lastId = -1;
  /** Ids as text: of our calls, and of the outcomes of the peer's. */
  readonly ids = new Digits();
  /** Where the peer hears what is called, and cannot answer: what a call is rejected with. */
  unanswered: ((method: string) => DserviceError) | undefined;
  /** Set before anything is called. */
  calling!: WireCalling;
  readonly #clock: Clock;
  readonly #host: WireHost;

  constructor(options: WireOptions, channel: Channel, host: WireHost) {
    const { clock, limits } = options;
    this.#clock = clock;
    this.#host = host;
    this.limits = limits;
    this.#encoding = { extended: false, stacks: options.stacks === true, limits, plainJson };
    this.#decoding = { extended: false, limits };
    this.outbox = new Outbox(channel, clock, limits);
    this.#port = channel.moves;
    this.local = new LocalFunctions(this, limits.functions);
    this.references = new RemoteFunctions(this, limits.functions);
    this.crossing = new Crossing(this, options.codecs);
  }

  signalsNow(): Signals {
    return (this.signals ??= new Signals(this));
  }

  get tables(): Pick<Tables, 'local' | 'references' | 'streams' | 'signals'> {
    const [local, references] = [this.local.size, this.references.size];
    const [streams, signals] = [this.anyStreams?.size ?? 0, this.signals?.size ?? 0];
    return { local, references, streams, signals };
  }

  /** Whether the peer holds functions of ours that it may call, or there are streams. */
  get held(): boolean {
    return this.local.size > (this.signals?.own ?? 0) || this.anyStreams?.used === true;
  }

  get plain(): boolean {
    return this.hello === undefined;
  }

  get streams(): Streams {
    if (this.anyStreams === undefined) {
      this.anyStreams = this.#host.makeStreams();
      const { limit } = this.anyStreams;
      this.anyStreams.limit = Math.min(limit, this.hello?.limits.streams ?? Infinity);
    }
    return this.anyStreams;
  }

  /** Ids of functions and of outcomes come from one counter, and none is used again. */
  nextId(fn?: AnyFunction): number {
    keeperOf(fn)?.counts(this.#host, 1, 0);
    return ++this.#lastId;
  }

  onGone(local: Gone & { readonly fn: AnyFunction }): void {
    keeperOf(local.fn)?.counts(this.#host, -1, 0, local);
  }

  callReference(target: Reference, args: unknown[], given?: CallOptions): Promise<unknown> {
    return this.calling.reference(target, args, given);
  }

  onCull(): void {
    this.#clock.defer(() => this.sendCulls());
  }

  now(): number {
    return this.#clock.now();
  }

  untold(error: unknown): void {
    this.#host.onError(error);
  }

  /** Whether an id was ever given by this side. */
  issued(id: number): boolean {
    return id >= 0 && id <= this.#lastId;
  }

  /** The peer has said hello: from here on the session is extended. */
  greet(hello: Heard): void {
    this.hello = hello;
    this.references.plain = !this.agreed('cull');
    const extended = this.agreed('types') && this.agreed('links') && this.agreed('own');
    const streams = extended && this.agreed('stream');
    const { stacks, limits } = this.#encoding;
    const attach = this.agreed('bin') ? this : undefined;
    const port = extended && this.agreed('clone') ? this.#port : undefined;
    const moves: EncodeOptions['moves'] =
      port &&
      ((value, path) =>
        (this.#moves ??= listed.get(value)?.makeMover(port))?.move(value, path) === true);
    // No literal begins with what is spread: it would get a shape of its own.
    this.#encoding = { extended, streams, stacks, limits, plainJson, attach, moves };
    if (extended) this.crossing.greeted(hello.codecs ?? []);
    this.#decoding = { extended: true, limits: this.limits };
    this.local.limit = Math.min(this.local.limit, hello.limits.functions ?? Infinity);
  }

  /** Whether values can be moved beside a line. */
  get moves(): boolean {
    return this.#encoding.moves !== undefined;
  }

  /** As `agreed`, of what only goes where values do that JSON does not know. */
  can(feature: Feature): boolean {
    return this.#encoding.extended && this.agreed(feature);
  }

  /** Whether both sides named a feature in their hello. */
  agreed(feature: Feature): boolean {
    return agreed(this.hello, feature);
  }

  /**
   * The one place where a message is written. `line` ends without its newline. `attached` follows it: of what was
   * encoded just now, unless it was taken before.
   */
  write(line: string, attached = this.takeAttached()): void {
    this.outbox.push(this.plain ? `${ascii(line)}\n` : `${line}\n`, true, attached);
  }

  /** A message between sessions, where the peer knows what to do with it. */
  control(control: keyof typeof featuresOfControls, rest = ''): void {
    const feature = featuresOfControls[control];
    if (!this.agreed(feature)) return;
    this.outbox.push(`{"control":"${control}"${rest}}\n`, feature !== 'ping');
  }

  /** The first message, with which a session begins. */
  writeFirst(line: string): void {
    this.outbox.push(`${ascii(line)}\n`, false);
  }

  /**
   * Arguments as they go into a message, and the keys they need beside them. `outcome`, for plain
   * peers, adds a callback with that id as the last one; `settled` are promises whose outcome is known, `beside` bytes of the rest.
   * Throws ERR_DATA, ERR_LIMIT, ERR_RELEASED; `Unresolved` for a promise that has to be awaited first.
   */
  encode(args: readonly unknown[], outcome?: number, settled?: Settled, beside = 0): string {
    // Set only where there is something: an array's length costs more than the rest of this.
    const { crossing } = this;
    if (this.#encodes) {
      const text = 'a codec, getter or toJSON may not call the peer';
      throw new DserviceError('ERR_STATE', text, { mayHaveRun: false });
    }
    this.#encodes = true;
    crossing.begin(outcome, settled);
    this.#attached = undefined;
    try {
      const values = outcome === undefined ? args : [...args, answer];
      const encoded = encode(values, crossing, this.#encoding);
      const line = this.hello?.limits.line ?? Infinity;
      // The rest of the message needs some room too.
      if (fits(encoded, line - 1_024 - beside)) {
        // The last that can go wrong: before, nothing is gone.
        if (this.#moves !== undefined) this.#attached = this.#moves.take(this.#attached);
        return encoded;
      }
      throw new DserviceError('ERR_LIMIT', `the peer reads lines of at most ${line} bytes`);
    } catch (error) {
      this.#attached = undefined;
      this.#moves?.clear();
      crossing.undo();
      throw error;
    } finally {
      this.#encodes = false;
    }
  }

  /** As `encode`, of what will stand within another message: nothing follows it. */
  encodeWithin(args: readonly unknown[]): string {
    const encoding = this.#encoding;
    this.#encoding = { ...encoding, attach: undefined, moves: undefined };
    try {
      return this.encode(args);
    } finally {
      this.#encoding = encoding;
    }
  }

  /** As `encode`, of our api: its functions are methods from here on. */
  encodeApi(api: object): string {
    this.local.announcing = true;
    try {
      return this.encode([api]);
    } finally {
      this.local.announcing = false;
    }
  }

  /** Whether there was a stream in what was encoded last: it cannot be sent again. */
  get streamed(): boolean {
    return this.crossing.opened.length > 0;
  }

  /** The functions of ours that were mentioned by what was encoded last. */
  takeMentioned(): number[] {
    return this.crossing.mentioned.splice(0);
  }

  /** How many bytes follow the line of what was encoded last. */
  get attachedSize(): number {
    return sizeOf(this.#attached);
  }

  /** The bytes that follow the line of what was encoded last. */
  takeAttached(): Attached | undefined {
    const attached = this.#attached;
    this.#attached = undefined;
    return attached;
  }

  /** Sends bytes after the line, where they are worth it: the key that says so. Throws ERR_LIMIT. */
  attach(all: readonly Bytes[]): string {
    const size = sizeOf(all.map(({ view }) => view));
    if (size <= fewBytes) return '';
    const told = this.hello?.limits.attachments ?? Infinity;
    const most = told === Infinity ? this.limits.attachments : told;
    if (size > most) {
      throw new DserviceError('ERR_LIMIT', `the peer takes at most ${most} bytes with one message`);
    }
    // They may be changed as soon as the call has returned: who keeps them any longer makes a copy.
    this.#attached = Object.assign(
      all.map((bytes) => bytes.attach()),
      { lent: true },
    );
    return `,"bin":[${this.#attached.map(({ length }) => length).join(',')}]`;
  }

  /**
   * The arguments of a message, which is a call `of` something or its outcome; `slots`: outcomes may stand among them.
   * Throws ERR_MALFORMED, ERR_LIMIT, ERR_REFERENCE.
   */
  decode(message: Message, of = '', slots = false): unknown[] {
    this.references.reading = of;
    this.crossing.read(message);
    return decode(message, this.crossing, slots ? { ...this.#decoding, slot } : this.#decoding);
  }

  /** As `decode`, of the peer's api, which takes the place of what it was before. */
  decodeApi(message: Message): unknown[] {
    this.references.loosen();
    this.references.keeping = true;
    try {
      return this.decode(message);
    } finally {
      this.references.keeping = false;
    }
  }

  /** When what was decoded just now is whole: blobs in it have to be read. Undefined where it is. */
  takeWhole(): Promise<void> | undefined {
    return this.crossing.takeWhole();
  }

  /** What nobody waits for any more: its functions are let go. */
  drop(message: Message): void {
    if (!isRecord(message.callbacks)) return;
    for (const key of Object.keys(message.callbacks)) {
      const id = readId(key);
      if (id !== undefined) this.references.unmention(id);
    }
  }

  /** Tells the peer which of its functions are not held any more. */
  sendCulls(): void {
    const culls = [...this.references.takeCulls()];
    // A collection may find hundreds of thousands: more than a peer reads in one message.
    for (let at = 0; at < culls.length; at += cullsAtOnce) {
      const some = culls.slice(at, at + cullsAtOnce);
      const line = this.references.plain
        ? `"method":"cull","arguments":[${some.map(([id]) => id).join(',')}],"callbacks":{},"links":[]`
        : `"control":"cull","counts":${JSON.stringify(Object.fromEntries(some))}`;
      this.calling.send(`{${line}}`);
    }
  }

  clear(why: DserviceError): void {
    this.signals?.end(why);
    this.outbox.stop();
    this.local.clear();
    this.references.clear(why);
  }
}
