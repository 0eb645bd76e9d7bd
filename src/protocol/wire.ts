import type { Channel } from '../channel/channel.js';
import type { Clock } from '../clock.js';
import { DserviceError } from '../errors.js';
import type { Limits } from '../limits.js';
import { ascii, fits } from './ascii.js';
import { type Attached, attachedTo, sizeOf } from './attachments.js';
import type { Bytes } from './bytes.js';
import type { Codec, Codecs } from './codecs.js';
import { listed, type Mover } from './listed.js';
import { decode, type DecodeOptions, type References } from './decode.js';
import {
  type AnyFunction,
  encode,
  type EncodeOptions,
  type FunctionIds,
  type StreamParts,
} from './encode.js';
import { LocalFunctions } from './functions.js';
import { bits, bitsOf, type Feature, featuresOfControls, type Hello } from './hello.js';
import { isRecord, type Message, readId } from './message.js';
import { Outbox } from './outbox.js';
import { placeMoved } from './place-moved.js';
import { OwnMethods } from './own-methods.js';
import { standsFor } from './pipelining/recording.js';
import { Slot } from './pipelining/slots.js';
import { Digits, plainJson } from './quick.js';
import { itselfOf, readObjects, self, standsForObject } from './remote-object.js';
import { type Caller, RemoteFunctions } from './references.js';
import { Outgoing, outgoing, refuseStream } from './streams/outgoing.js';
import { readStreams } from './streams/read-streams.js';
import type { Tables } from './session-handle.js';
import { Signals } from './signals.js';
import { streamFunction } from './streams/stream-function.js';
import type { Streams } from './streams/streams.js';

const cullsAtOnce = 2_000;

/** Bytes of one message, in all, up to which it is cheaper that they stand in its line. */
const fewBytes = 512;

const slot = (call: number) => new Slot(call);

/** Stands last among the arguments of a plain peer's call, for the function by which that answers. */
const answer: AnyFunction = () => undefined;

/** Promises, and what they turned out to be. */
export type Settled = ReadonlyMap<object, unknown>;

export interface WireOptions {
  readonly channel: Channel;
  readonly clock: Clock;
  readonly limits: Limits;
  /** Whether errors carry their stack. */
  readonly stacks?: boolean | undefined;
  readonly codecs?: readonly Codec[] | undefined;
}

/** What the calling and the serving half of a session share: the tables of functions, the codec, the way out. */
export class Wire {
  readonly limits: Limits;
  readonly outbox: Outbox;
  readonly local: LocalFunctions;
  readonly references: RemoteFunctions;
  readonly methods = new OwnMethods();
  /** The session's streams, once there were any. */
  anyStreams: Streams | undefined;
  makeStreams!: () => Streams;
  /** The session's signals, once there was one. */
  signals: Signals | undefined;
  /** The id of the call that is being read, if it wants an outcome. */
  #reply: unknown;
  /** When what was decoded last is whole, where it is not yet. */
  #whole: Promise<void> | undefined;
  /** What the peer said of itself; undefined while, or for ever if, it is a plain dnode peer. */
  hello: Hello | undefined;
  /** A bit for each feature that both named. */
  #agreed = 0;
  #encoding: EncodeOptions;
  #decoding: DecodeOptions;
  readonly #ids: FunctionIds;
  readonly #codecs: Codecs | undefined;
  /** What the message being encoded mentions so far. */
  readonly #mentioned: number[] = [];
  /** The id of the function by which a plain peer answers what is being encoded. */
  #outcome: number | undefined;
  /** What follows the line of the message encoded last. */
  #attached: Attached | undefined;
  /** The port beside whose lines values can be moved, where there is one; and what is moved, once something was. */
  readonly #port: object | undefined;
  #moves: Mover | undefined;
  /** The streams in it, by their functions. */
  readonly #opened: Record<string, AnyFunction>[] = [];
  #given: References;
  #lastId = -1;
  /** Ids as text: of our calls, and of the outcomes of the peer's. */
  readonly ids = new Digits();
  /** Where the peer hears what is called, and cannot answer: what a call is rejected with. */
  unanswered: ((method: string) => DserviceError) | undefined;
  /** The call whose outcome a value is to be, if the peer can put it in place. */
  outcomeOf: (value: object) => number | undefined = () => undefined;
  untold: (error: unknown) => void = () => {};

  constructor(options: WireOptions, caller: Caller) {
    const { channel, clock, limits } = options;
    this.limits = limits;
    this.#encoding = { extended: false, stacks: options.stacks === true, limits, plainJson };
    this.#decoding = { extended: false, limits };
    this.outbox = new Outbox(channel, clock, limits);
    this.#port = channel.moves;
    this.local = new LocalFunctions(() => this.nextId(), limits.functions);
    this.local.onGone = (fn, culled) => {
      const stream = streamFunction(fn);
      if (culled) stream?.culled();
      else stream?.unsent();
    };
    this.references = new RemoteFunctions(
      caller,
      limits.functions,
      () => clock.defer(() => this.sendCulls()),
      () => clock.now(),
    );
    this.#ids = {
      mention: (fn, fresh, path) => {
        if (fn === answer && this.#outcome !== undefined) return this.#outcome;
        const id = this.local.mention(fn, fresh, path);
        this.#mentioned.push(id);
        this.signals?.mentioned(fn);
        return id;
      },
      own: (fn) => this.references.find(fn)?.id,
      exposed: (value) => this.#exposed(value),
      later: standsFor,
      outcome: (value) => this.outcomeOf(value),
      stream: (value) => {
        if (value instanceof AbortSignal) return this.#signalsNow().parts(value);
        return this.local.announcing ? refuseStream(value) : this.#open(value);
      },
    };
    const codecs = (this.#codecs = options.codecs?.[0]?.among(options.codecs));
    if (codecs !== undefined) {
      // The first word of an api is plain in all: there, its data is what JSON makes of it.
      this.#ids.coded = (value) => (this.local.announcing ? undefined : codecs.encode(value));
    }
    this.#given = {
      reference: (id, path) => this.references.reference(id, path),
      ours: (id) => {
        const local = this.local.get(id);
        if (local !== undefined) return standsForObject(local.fn);
        throw new DserviceError('ERR_REFERENCE', `function ${id} was never given on this session`);
      },
      attached: attachedTo,
      ...(codecs && { coded: codecs.place }),
    };
  }

  /** What stands for a stream, if it is one. Throws ERR_LIMIT, and why it cannot be sent. */
  #open(value: object): StreamParts | undefined {
    const stream = outgoing(value);
    if (!(stream instanceof Outgoing)) return stream && { parts: stream };
    const parts = this.streams.open(stream);
    this.#opened.push(parts);
    return { kind: stream.kind, info: stream.info, parts };
  }

  #signalsNow(): Signals {
    this.signals ??= new Signals({
      local: this.local,
      references: this.references,
      agreed: () => this.agreed('signal'),
      encode: (args) => this.encode(args),
      decode: (message) => this.decode(message),
      write: (line) => this.writeCull(line),
      drop: (message) => this.drop(message),
    });
    return this.signals;
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

  /** A signal of the peer's was aborted, or never will be. */
  aborted(message: Message): void {
    if (this.signals === undefined) this.drop(message);
    else this.signals.aborted(message);
  }

  #isTheirs(fn: AnyFunction): boolean {
    return this.references.find(fn) !== undefined;
  }

  /** What goes by reference: an object of ours, or of a peer's, which may be this one. Throws ERR_RELEASED. */
  #exposed(value: object): Record<string, AnyFunction> | AnyFunction | undefined {
    // In an api it is a part of that.
    const isKnown = this.agreed('object') && !this.local.announcing;
    // Whoever reads an api has not said yet what it knows.
    const share = this.local.announcing || (isKnown && this.agreed('share'));
    const itself = itselfOf(value);
    if (itself === undefined) return this.methods.exposed(value, isKnown, share);
    if (isKnown && this.#isTheirs(itself)) return itself;
    // Of another session: its methods are functions like any other.
    return { ...(value as Record<string, AnyFunction>), ...(isKnown && { [self]: itself }) };
  }

  get plain(): boolean {
    return this.hello === undefined;
  }

  get streams(): Streams {
    if (this.anyStreams === undefined) {
      this.anyStreams = this.makeStreams();
      const { limit } = this.anyStreams;
      this.anyStreams.limit = Math.min(limit, this.hello?.limits.streams ?? Infinity);
    }
    return this.anyStreams;
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
    this.#agreed = bitsOf(hello.features);
    this.references.plain = !this.agreed('cull');
    const extended = this.agreed('types') && this.agreed('links') && this.agreed('own');
    const streams = extended && this.agreed('stream');
    const { stacks, limits } = this.#encoding;
    const attach: EncodeOptions['attach'] = this.agreed('bin')
      ? (bytes) => this.#attach(bytes, hello)
      : undefined;
    const port = extended && this.agreed('clone') ? this.#port : undefined;
    const moves: EncodeOptions['moves'] =
      port &&
      ((value, path) =>
        (this.#moves ??= listed.get(value)?.makeMover(port))?.move(value, path) === true);
    // No literal begins with what is spread: it would get a shape of its own.
    this.#encoding = { extended, streams, stacks, limits, plainJson, attach, moves };
    if (extended) this.#codecs?.agree(hello.codecs ?? []);
    const objects = extended && this.agreed('object');
    const signals = extended && this.agreed('signal');
    if (extended) {
      this.#given = {
        compose: (place, types, attached) => {
          if (moves !== undefined) placeMoved(place, types, attached?.moved?.values);
          if (objects) readObjects(place, types, (fn) => this.#isTheirs(fn), this.untold);
          if (signals && types.signal !== undefined) {
            this.#signalsNow().read(place, types, this.#reply);
          }
          const make: Streams['make'] = (...stream) => this.streams.make(...stream);
          return streams ? readStreams(place, types, make) : undefined;
        },
        wait: (whole) => {
          whole.catch(() => {});
          this.#whole = whole;
        },
        ...this.#given,
      };
    }
    this.#decoding = { extended: true, limits: this.limits };
    this.local.limit = Math.min(this.local.limit, hello.limits.functions ?? Infinity);
  }

  /** Whether both sides named a feature in their hello. */
  agreed(feature: Feature): boolean {
    return (this.#agreed & bits[feature]) !== 0;
  }

  /**
   * The one place where a message is written. `line` ends without its newline. `attached` follows it: of what was
   * encoded just now, unless it was taken before.
   */
  write(line: string, attached = this.takeAttached()): void {
    this.outbox.push(this.plain ? `${ascii(line)}\n` : `${line}\n`, true, attached);
  }

  /** As `write`, of a cull, which must not overtake what names the functions. */
  writeCull: (line: string) => void = (line) => this.write(line);

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
    if (this.#mentioned.length > 0) this.#mentioned.length = 0;
    if (this.#opened.length > 0) this.#opened.length = 0;
    this.#attached = undefined;
    try {
      this.#outcome = outcome;
      const encoded = encode(
        outcome === undefined ? args : [...args, answer],
        settled === undefined ? this.#ids : { ...this.#ids, settled },
        this.#encoding,
      );
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
      // The peer will never hear of these, so it will never let them go.
      for (const id of this.#mentioned) this.local.unmention(id);
      // Those that have got no id yet.
      for (const functions of this.#opened) {
        for (const fn of Object.values(functions)) streamFunction(fn)?.unsent();
      }
      throw error;
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
    return this.#opened.length > 0;
  }

  /** The functions of ours that were mentioned by what was encoded last. */
  takeMentioned(): number[] {
    return this.#mentioned.splice(0);
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
  #attach(all: readonly Bytes[], { limits }: Hello): string {
    const size = sizeOf(all.map(({ view }) => view));
    if (size <= fewBytes) return '';
    const { attachments: told = Infinity } = limits;
    const most = told === Infinity ? this.limits.attachments : told;
    if (size > most) {
      throw new DserviceError('ERR_LIMIT', `the peer takes at most ${most} bytes with one message`);
    }
    // In a copy, since they may be changed as soon as the call has returned.
    this.#attached = all.map((bytes) => bytes.attach());
    return `,"bin":[${this.#attached.map(({ length }) => length).join(',')}]`;
  }

  /**
   * The arguments of a message, which is a call `of` something or its outcome; `slots`: outcomes may stand among them.
   * Throws ERR_MALFORMED, ERR_LIMIT, ERR_REFERENCE.
   */
  decode(message: Message, of = '', slots = false): unknown[] {
    this.#whole = undefined;
    this.references.reading = of;
    this.#reply = message.reply;
    return decode(message, this.#given, slots ? { ...this.#decoding, slot } : this.#decoding);
  }

  /** When what was decoded just now is whole: blobs in it have to be read. Undefined where it is. */
  takeWhole(): Promise<void> | undefined {
    const whole = this.#whole;
    this.#whole = undefined;
    return whole;
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
      if (!this.agreed('cull')) {
        const ids = some.map(([id]) => id).join(',');
        this.writeCull(`{"method":"cull","arguments":[${ids}],"callbacks":{},"links":[]}`);
      } else {
        const counts = JSON.stringify(Object.fromEntries(some));
        this.writeCull(`{"control":"cull","counts":${counts}}`);
      }
    }
  }

  clear(why: DserviceError): void {
    this.signals?.end(why);
    this.outbox.stop();
    this.local.clear();
    this.references.clear(why);
  }
}
