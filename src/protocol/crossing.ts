import { DserviceError } from '../errors.js';
import { type Attached, attachedTo } from './attachments.js';
import type { Codec, Codecs } from './codecs.js';
import type { Placement, References, Types } from './decode.js';
import type { AnyFunction, Coded, FunctionIds, StreamParts } from './encode.js';
import type { LocalFunctions } from './functions.js';
import type { Feature } from './hello.js';
import type { Gone } from './keeper.js';
import type { Message, Path } from './message.js';
import type { OwnMethods } from './own-methods.js';
import { standsFor } from './pipelining/recording.js';
import { placeMoved } from './place-moved.js';
import type { RemoteFunctions } from './references.js';
import { itselfOf, readObjects, self, standsForObject } from './remote-object.js';
import type { Signals } from './signals.js';
import { Outgoing, outgoing, refuseStream } from './streams/outgoing.js';
import { readStreams } from './streams/read-streams.js';
import type { Streams } from './streams/streams.js';

/** Stands last among the arguments of a plain peer's call, for the function by which that answers. */
export const answer: AnyFunction = () => undefined;

/** Promises, and what they turned out to be. */
export type Settled = ReadonlyMap<object, unknown>;

/** The wire that it is a part of. */
export interface CrossingHost {
  readonly local: LocalFunctions;
  readonly references: RemoteFunctions;
  readonly methods: OwnMethods;
  readonly streams: Streams;
  signalsNow(): Signals;
  readonly calling: {
    /** The call whose outcome a value is to be, if the peer can put it in place. */
    outcomeOf(value: object): number | undefined;
  };
  agreed(feature: Feature): boolean;
  can(feature: Feature): boolean;
  /** Whether values can be moved beside a line. */
  readonly moves: boolean;
  untold(error: unknown): void;
  onGone(how: Gone & { readonly fn: AnyFunction }): void;
}

/**
 * What is more than data on its way through a wire: functions, objects, streams, signals, instances. A class, since
 * each session has one: functions of its own would take ten times as much.
 */
export class Crossing implements FunctionIds, References {
  readonly #wire: CrossingHost;
  readonly #codecs: Codecs | undefined;
  /** What the message being encoded mentions so far. */
  readonly mentioned: number[] = [];
  /** The streams in it, by their functions. */
  readonly opened: Record<string, AnyFunction>[] = [];
  /** The id of the function by which a plain peer answers what is being encoded. */
  #outcome: number | undefined;
  settled: Settled | undefined;
  /** The id of the call that is being read, if it wants an outcome. */
  #reply: unknown;
  /** When what was decoded last is whole, where it is not yet. */
  #whole: Promise<void> | undefined;

  constructor(wire: CrossingHost, codecs: readonly Codec[] | undefined) {
    this.#wire = wire;
    this.#codecs = codecs?.[0]?.among(codecs);
  }

  /** The peer has said which codecs it has. */
  greeted(codecs: readonly string[]): void {
    this.#codecs?.agree(codecs);
  }

  /** Another message is encoded. */
  begin(outcome: number | undefined, settled: Settled | undefined): void {
    // Set only where there is something: an array's length costs more than the rest of this.
    if (this.mentioned.length > 0) this.mentioned.length = 0;
    if (this.opened.length > 0) this.opened.length = 0;
    this.#outcome = outcome;
    this.settled = settled;
  }

  /** What was encoded does not leave. */
  undo(): void {
    // The peer will never hear of these, so it will never let them go.
    for (const id of this.mentioned) this.#wire.local.unmention(id);
    // Those that have got no id yet.
    for (const functions of this.opened) {
      for (const fn of Object.values(functions)) this.#wire.onGone({ fn, culled: false });
    }
  }

  mention(fn: AnyFunction, fresh: boolean, path: Path): number {
    if (fn === answer && this.#outcome !== undefined) return this.#outcome;
    const id = this.#wire.local.mention(fn, fresh, path);
    this.mentioned.push(id);
    return id;
  }

  own(fn: AnyFunction): number | undefined {
    return this.#wire.references.find(fn)?.id;
  }

  /** What goes by reference: an object of ours, or of a peer's, which may be this one. Throws ERR_RELEASED. */
  exposed(value: object): Record<string, AnyFunction> | AnyFunction | undefined {
    const wire = this.#wire;
    // In an api it is a part of that.
    const isKnown = wire.agreed('object') && !wire.local.announcing;
    // Whoever reads an api has not said yet what it knows.
    const share = wire.local.announcing || (isKnown && wire.agreed('share'));
    const itself = itselfOf(value);
    if (itself === undefined) return wire.methods.exposed(value, isKnown, share);
    if (isKnown && this.own(itself) !== undefined) return itself;
    // Of another session: its methods are functions like any other.
    return { ...(value as Record<string, AnyFunction>), ...(isKnown && { [self]: itself }) };
  }

  later(fn: AnyFunction): object | undefined {
    return standsFor(fn);
  }

  outcome(value: object): number | undefined {
    return this.#wire.calling.outcomeOf(value);
  }

  stream(value: object): StreamParts | undefined {
    if (value instanceof AbortSignal) return this.#wire.signalsNow().parts(value);
    return this.#wire.local.announcing ? refuseStream(value) : this.#open(value);
  }

  /** What stands for a stream, if it is one. Throws ERR_LIMIT, and why it cannot be sent. */
  #open(value: object): StreamParts | undefined {
    const stream = outgoing(value);
    if (!(stream instanceof Outgoing)) return stream && { parts: stream };
    const parts = this.#wire.streams.open(stream);
    this.opened.push(parts);
    return { kind: stream.kind, info: stream.info, parts };
  }

  coded(value: object): Coded | undefined {
    // The first word of an api is plain in all: there, its data is what JSON makes of it.
    return this.#wire.local.announcing ? undefined : this.#codecs?.encode(value);
  }

  /** A message is read. */
  read({ reply }: Message): void {
    this.#whole = undefined;
    this.#reply = reply;
  }

  reference(id: number, path: unknown): AnyFunction {
    return this.#wire.references.reference(id, path);
  }

  ours(id: number): unknown {
    const local = this.#wire.local.get(id);
    if (local !== undefined) return standsForObject(local.fn);
    throw new DserviceError('ERR_REFERENCE', `function ${id} was never given on this session`);
  }

  attached(message: Message): Attached | undefined {
    return attachedTo(message);
  }

  compose(
    place: Placement,
    types: Types,
    attached: Attached | undefined,
  ): Promise<unknown> | undefined {
    const wire = this.#wire;
    if (wire.moves) placeMoved(place, types, attached?.moved?.values);
    if (wire.can('object')) readObjects(place, types, wire);
    if (types.signal !== undefined && wire.can('signal')) {
      wire.signalsNow().read(place, types, this.#reply);
    }
    if (!wire.can('stream')) return undefined;
    return readStreams(place, types, wire);
  }

  get placeCoded(): References['placeCoded'] {
    return this.#codecs?.place;
  }

  wait(whole: Promise<void>): void {
    whole.catch(() => {});
    this.#whole = whole;
  }

  takeWhole(): Promise<void> | undefined {
    const whole = this.#whole;
    this.#whole = undefined;
    return whole;
  }
}
