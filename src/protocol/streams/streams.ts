import type { Clock } from '../../clock.js';
import { DserviceError } from '../../errors.js';
import type { Limits } from '../../limits.js';
import type { ContextScope } from '../context.js';
import type { AnyFunction } from '../encode.js';
import { isRecord } from '../message.js';
import type { Reference } from '../references.js';
import { readBlob } from './blob.js';
import { Inlet, type StreamCall } from './inlet.js';
import type { Consumer, Producer } from './ends.js';
import type { Outgoing } from './outgoing.js';
import { Outlet, remoteWritable } from './outlet.js';
import { RemoteIterable } from './remote-iterable.js';
import { remoteReadable } from './remote-readable.js';
import { Sink } from './sink.js';
import { Source } from './source.js';
import { StreamContext } from './stream-context.js';
import { type Answer, type Direct, giveKeeper } from '../keeper.js';

export interface StreamsOptions {
  readonly clock: Clock;
  readonly scope: ContextScope;
}

/** Calls a function of a stream of the peer's. */
interface Calls {
  call(target: Reference, args: unknown[]): Promise<unknown>;
}

/** Whose streams they are: the session. */
export interface StreamsHost {
  /** The session's, as far as it is of use here. `room` is called when its outbox is not blocked any more. */
  readonly wire: {
    readonly limits: Pick<Limits, 'streams' | 'blob'>;
    readonly outbox: { readonly blocked: boolean };
    readonly plain: boolean;
    readonly references: { find(fn: AnyFunction): Reference | undefined };
  };
  readonly calling: { readonly streams: Calls };
  /** A producer failed when it was told that nobody reads any more. */
  onError(error: unknown): void;
  /** A stream of ours has ended. */
  onStreamEnded(): void;
  /** There are streams of the peer's here, or none any more. */
  onUse(): void;
}

/** A stream of ours that the peer has. */
interface Own {
  pump(): void;
  fail(error: DserviceError): void;
  /** It was never sent. */
  release(): void;
}

const forgotten = (): void => {};

/** The streams of one session: those that the peer reads and writes here, and those that we do there. */
export class Streams {
  readonly #options: StreamsOptions;
  readonly #host: StreamsHost;
  /** Ours, until the peer has let go of their functions; and of them those that go on. */
  readonly #own = new Set<Own>();
  readonly #live = new Set<Own>();
  readonly #theirs = new Set<{ fail(error: unknown): void }>();
  /** How many of ours the peer is willing to hold. */
  limit: number;
  /** Bytes of blobs that are being read. */
  #blobBytes = 0;
  readonly #forgotten = new FinalizationRegistry<{ forget(): void }>((it) => it.forget());

  constructor(options: StreamsOptions, host: StreamsHost) {
    this.#options = options;
    this.#host = host;
    this.limit = host.wire.limits.streams;
  }

  /** Streams of ours that have not ended. */
  get live(): number {
    return this.#live.size;
  }

  /** Those of ours that the peer has, and those of the peer's that are here. */
  get size(): number {
    return this.#own.size + this.#theirs.size;
  }

  /** Whether streams of the peer's are read or written here. */
  get used(): boolean {
    return this.#theirs.size > 0;
  }

  /** The functions by which the peer reads or writes a stream of ours. Throws ERR_LIMIT, and why it cannot be sent. */
  open(stream: Outgoing): Record<string, AnyFunction> {
    if (this.#own.size >= this.limit) {
      throw new DserviceError('ERR_LIMIT', `the peer has ${this.limit} streams already`);
    }
    const opened = stream.open();
    return 'write' in opened ? this.#openSink(opened) : this.#openSource(opened, stream.kind);
  }

  #openSource(producer: Producer, kind: Outgoing['kind']): Record<string, AnyFunction> {
    const { clock, scope } = this.#options;
    const call = scope.get();
    const source: Source = new Source(producer, {
      ...{ clock, scope, host: this.#host },
      context: call === undefined ? undefined : new StreamContext(call),
      cuts: kind === 'bytes' || kind === 'readable',
      onEnd: () => this.#ended(source),
    });
    const functions: Record<string, Direct> = {
      next: ([items, bytes], answer) => source.ask(items, bytes, answer),
      return: ([reason], answer) => source.return(reason, answer),
    };
    // Without it nothing can be read.
    return this.#give(source, functions, (name) => name === 'next' && source.stop(dropped()));
  }

  #openSink(consumer: Consumer): Record<string, AnyFunction> {
    const sink: Sink = new Sink(consumer, () => this.#ended(sink));
    const functions: Record<string, Direct> = {
      write: ([values], answer) => sink.write(values, answer),
      close: (_args, answer) => sink.close(answer),
      abort([reason], answer) {
        sink.stop(reason);
        answer([]);
      },
    };
    return this.#give(sink, functions, (_name, left) => left === 0 && sink.stop(dropped()));
  }

  #give(
    own: Own,
    functions: Record<string, Direct>,
    culled: (name: string, left: number) => unknown,
  ): Record<string, AnyFunction> {
    this.#own.add(own);
    this.#live.add(own);
    const names = new Set(Object.keys(functions));
    const given: Record<string, AnyFunction> = {};
    for (const [name, direct] of Object.entries(functions)) {
      const fn = (...args: unknown[]) => this.#byHand(direct, args);
      given[name] = giveKeeper(fn, {
        direct,
        counts: (_holder, _functions, _calls, gone) => {
          if (gone === undefined) return;
          if (gone.culled) {
            names.delete(name);
            culled(name, names.size);
            if (names.size > 0) return;
          } else {
            own.release();
            this.#ended(own);
          }
          this.#own.delete(own);
        },
      });
    }
    return given;
  }

  /** For a peer that calls it as any function. A plain one knows no errors: it gets the end, and why. */
  #byHand(direct: Direct, args: unknown[]): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const answer: Answer = (outcome) => {
        const [error, value] = outcome;
        if (outcome.length !== 1) resolve(value);
        // A producer may have thrown anything.
        // oxlint-disable-next-line prefer-promise-reject-errors
        else if (!this.#host.wire.plain) reject(error);
        else resolve({ values: [], done: true, error: inWords(error) });
      };
      direct(args, answer);
    });
  }

  #ended(own: Own): void {
    if (this.#live.delete(own)) this.#host.onStreamEnded();
  }

  /** A stream of the peer's, of its functions; of a blob a promise of it. Throws ERR_MALFORMED, ERR_LIMIT. */
  make(kind: unknown, raw: unknown, info: unknown): unknown {
    const writable = kind === 'writable';
    const { limits, references } = this.#host.wire;
    const { streams, blob } = limits;
    if (!isRecord(raw)) throw malformed('a stream is not an object');
    const call = (name: string): StreamCall => {
      const fn = raw[name];
      const ref = typeof fn === 'function' ? references.find(fn as AnyFunction) : undefined;
      if (ref === undefined)
        throw malformed(`a stream has no function \`${name}\` of its sender's`);
      return new Call(fn as AnyFunction, ref, this.#host.calling.streams);
    };
    if (this.#theirs.size >= streams) {
      throw new DserviceError('ERR_LIMIT', `more than ${streams} streams of the peer's are held`);
    }
    if (writable) return this.#makeWritable(call);
    const check = kind === 'bytes' || kind === 'blob' ? isBytes : () => true;
    const inlet: Inlet = new Inlet(
      call('next'),
      call('return'),
      check,
      () => this.#left(inlet),
      blob,
    );
    if (kind === 'blob') return this.#readBlob(inlet, info);
    if (kind !== 'iterable' && kind !== 'readable' && kind !== 'bytes') {
      throw malformed(`unknown kind of stream: ${String(kind).slice(0, 32)}`);
    }
    this.#holds(inlet);
    const follow = (life: object): void => {
      const forget = (): void => void inlet.cancel(dropped()).catch(forgotten);
      this.#forgotten.register(life, { forget });
    };
    if (kind !== 'iterable') return remoteReadable(inlet, kind === 'bytes', follow);
    const made = new RemoteIterable(inlet);
    follow(made);
    return made;
  }

  #holds(theirs: { fail(error: unknown): void }): void {
    if (this.#theirs.add(theirs).size === 1) this.#host.onUse();
  }

  #left(theirs: { fail(error: unknown): void }): void {
    if (this.#theirs.delete(theirs) && this.#theirs.size === 0) this.#host.onUse();
  }

  #makeWritable(call: (name: string) => StreamCall): WritableStream<unknown> {
    const calls = { write: call('write'), close: call('close'), abort: call('abort') };
    const { clock } = this.#options;
    const outlet: Outlet = new Outlet(
      calls,
      (fn) => clock.endOfTurn(fn),
      () => this.#left(outlet),
    );
    this.#holds(outlet);
    return remoteWritable(outlet, (life) => {
      const forget = (): void => void outlet.abort(dropped()).catch(forgotten);
      this.#forgotten.register(life, { forget });
    });
  }

  async #readBlob(inlet: Inlet, info: unknown): Promise<Blob> {
    this.#holds(inlet);
    const size = isRecord(info) && typeof info.size === 'number' && info.size >= 0 ? info.size : 0;
    this.#blobBytes += size;
    try {
      const { blob } = this.#host.wire.limits;
      if (this.#blobBytes <= blob) return await readBlob(inlet, size, isRecord(info) ? info : {});
      const text = `blobs of more than ${blob} bytes: send their \`stream()\``;
      throw new DserviceError('ERR_LIMIT', text);
    } finally {
      this.#blobBytes -= size;
      inlet.cancel().catch(forgotten);
    }
  }

  /** There is room in the channel. */
  room(): void {
    for (const own of this.#live) own.pump();
  }

  /** Ends what the peer reads and writes here, and tells it why. */
  stop(): void {
    const error = new DserviceError('ERR_CLOSED', 'it was stopped before the stream had ended');
    for (const own of this.#live) own.fail(error);
  }

  /** The session is over. */
  end(error: DserviceError): void {
    for (const own of this.#live) own.fail(error);
    this.#own.clear();
    const theirs = [...this.#theirs];
    this.#theirs.clear();
    // What came just before the end is taken first: the outcomes of its calls are on their way.
    void Promise.resolve().then(() => {
      for (const each of theirs) each.fail(error);
    });
  }
}

/** A function of a stream of the peer's. Holds what stands for it: were that collected, the peer would be told. */
class Call implements StreamCall {
  readonly fn: AnyFunction;
  readonly #ref: Reference;
  readonly #calls: Calls;

  constructor(fn: AnyFunction, ref: Reference, calls: Calls) {
    this.fn = fn;
    this.#ref = ref;
    this.#calls = calls;
  }

  call(args: unknown[]): Promise<unknown> {
    return this.#calls.call(this.#ref, args);
  }

  release(): void {
    this.#ref.release();
  }
}

const isBytes = (value: unknown): boolean => value instanceof Uint8Array;

function dropped(): DserviceError {
  return new DserviceError('ERR_CANCELLED', 'the stream was let go');
}

function malformed(what: string): DserviceError {
  return new DserviceError('ERR_MALFORMED', what);
}

function inWords(error: unknown): object {
  if (!(error instanceof Error)) return { message: String(error) };
  const { name, message, code } = error as Error & { code?: unknown };
  return { name, message, ...(typeof code === 'string' ? { code } : {}) };
}
