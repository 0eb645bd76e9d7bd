import type { Clock } from '../../clock.js';
import { DserviceError } from '../../errors.js';
import type { ContextScope } from '../context.js';
import type { Producer } from './ends.js';
import { batch, chunk, cut, sizeOf } from './size.js';
import type { StreamContext } from './stream-context.js';
import type { Answer } from '../keeper.js';

/** `next`s of one stream that may wait; what is asked for beyond is refused. */
const mostAsks = 64;

/** So often nothing came, before what is there leaves. */
const patience = 16;

/** Whose stream it is: the session. */
export interface SourceHost {
  /** Whether nothing may be sent for now: `pump` is called when it may. */
  readonly wire: { readonly outbox: { readonly blocked: boolean } };
  /** The producer failed, and nobody waits for it. */
  onError(error: unknown): void;
}

export interface SourceOptions {
  readonly clock: Clock;
  readonly scope: ContextScope;
  /** What the producer sees as its context, if it is one of a call that was served. */
  readonly context: StreamContext | undefined;
  /** Whether chunks of bytes are cut. */
  readonly cuts: boolean;
  readonly host: SourceHost;
  /** Told once: the peer has had everything, or does not want it. */
  onEnd(): void;
}

interface Ask {
  readonly items: number;
  readonly bytes: number;
  readonly answer: Answer;
}

const none = { values: [], done: true };

/** A stream of ours that the peer reads: its producer goes as far as the peer asks, and no further. */
export class Source {
  readonly #producer: Producer;
  readonly #options: SourceOptions;
  readonly #asks: Ask[] = [];
  readonly #ready: unknown[] = [];
  #size = 0;
  #pulling = false;
  #waiting = false;
  #fresh = false;
  /** Of what is ready something cannot be sent: each value goes by itself, so that those before it arrive. */
  #single = false;
  #end: { error?: unknown } | undefined;

  constructor(producer: Producer, options: SourceOptions) {
    this.#producer = producer;
    this.#options = options;
  }

  /** The peer has room for so many values, and about so many bytes. */
  ask(items: unknown, bytes: unknown, answer: Answer): void {
    if (this.#asks.length >= mostAsks) {
      const text = `${mostAsks} nexts of the stream wait already`;
      return answer([new DserviceError('ERR_LIMIT', text)]);
    }
    this.#asks.push({ items: bound(items, batch), bytes: bound(bytes, chunk), answer });
    this.pump();
  }

  /** Goes on, as far as there is room. */
  pump(): void {
    this.#deliver();
    this.#pull();
  }

  get #full(): boolean {
    const [ask] = this.#asks;
    return ask === undefined || this.#ready.length >= ask.items || this.#size >= ask.bytes;
  }

  #pull(): void {
    if (this.#pulling || this.#end !== undefined || this.#full) return;
    this.#pulling = true;
    this.#run(() => {
      this.#producer.next().then(
        ({ value, done }) => this.#took(value, done === true),
        (error: unknown) => this.#failed(error),
      );
    });
  }

  #run(step: () => void): void {
    const { scope, context } = this.#options;
    if (context === undefined) step();
    else scope.run(context, step);
  }

  #took(value: unknown, done: boolean): void {
    this.#pulling = false;
    if (this.#end !== undefined) return;
    if (done) {
      this.#end = {};
      return this.#deliver();
    }
    for (const piece of this.#options.cuts ? cut(value) : [value]) {
      this.#ready.push(piece);
      this.#size += sizeOf(piece);
    }
    this.#fresh = true;
    if (this.#full) this.#deliver();
    else if (!this.#waiting) {
      this.#waiting = true;
      this.#gather(patience);
    }
    this.#pull();
  }

  /** Whatever else comes in this turn leaves with it. */
  #gather(left: number): void {
    this.#fresh = false;
    this.#options.clock.endOfTurn(() => {
      if (this.#fresh) return this.#gather(patience);
      if (left > 1) return this.#gather(left - 1);
      this.#waiting = false;
      this.#deliver();
      this.#pull();
    });
  }

  #failed(error: unknown): void {
    this.#pulling = false;
    if (this.#end !== undefined) return;
    this.#end = { error };
    this.#deliver();
  }

  #deliver(): void {
    for (let ask: Ask | undefined; !this.#options.host.wire.outbox.blocked;) {
      const end = this.#end;
      if (this.#ready.length === 0 && end === undefined) return;
      ask = this.#asks.shift();
      if (ask === undefined) return;
      if (this.#ready.length > 0) this.#send(ask);
      else if (end !== undefined) {
        const { answer } = ask;
        this.#options.onEnd();
        if (!('error' in end)) answer([null, none]);
        else {
          // Once: after it the stream is over.
          this.#end = {};
          answerError(answer, end.error);
        }
      }
    }
  }

  #send({ items, bytes, answer }: Ask): void {
    let [count, size] = [0, 0];
    const most = this.#single ? 1 : Math.min(items, this.#ready.length);
    while (count < most) {
      const more = sizeOf(this.#ready[count]);
      if (count > 0 && size + more > bytes) break;
      size += more;
      count++;
    }
    const values = this.#ready.slice(0, count);
    const last = count === this.#ready.length;
    const done = last && this.#end !== undefined && !('error' in this.#end);
    try {
      answer([null, { values, done }]);
    } catch (error) {
      if (count > 1) {
        this.#single = true;
        return this.#send({ items, bytes, answer });
      }
      void this.stop(error, { error });
      this.#end = {};
      return answerError(answer, error);
    }
    this.#ready.splice(0, count);
    this.#size = last ? 0 : this.#size - size;
    if (last) this.#single = false;
    if (done) this.#options.onEnd();
  }

  /** The peer reads no more: the producer is told, and `answer` when it is through. */
  return(reason: unknown, answer: Answer): void {
    const waits = this.#pulling;
    const stopped = this.stop(reason);
    // Who waits for its next value may do so for ever.
    if (waits || stopped === undefined) return answer([]);
    stopped.then(
      () => answer([]),
      (error: unknown) => answerError(answer, error),
    );
  }

  /**
   * Ends it: what is ready is dropped, and whoever asks gets `end`: an error, once, or the end. Returns when
   * the producer is through; undefined if it was before. What it fails with is told, and never unhandled.
   */
  stop(reason: unknown, end: { error?: unknown } = {}): Promise<unknown> | undefined {
    if (this.#end !== undefined) {
      this.#ready.length = 0;
      this.#deliver();
      return undefined;
    }
    this.#end = end;
    this.#ready.length = 0;
    this.#options.context?.abort(reason);
    this.#deliver();
    this.#options.onEnd();
    const stopped = this.#stopProducer(reason);
    stopped.catch((error: unknown) => this.#options.host.onError(error));
    return stopped;
  }

  async #stopProducer(reason: unknown): Promise<void> {
    let stopped: unknown;
    this.#run(() => (stopped = this.#producer.stop(reason)));
    await stopped;
  }

  /** Ends it with an error, of which the peer is told. */
  fail(error: DserviceError): void {
    void this.stop(error, { error });
  }

  /** It was never sent. */
  release(): void {
    if (this.#end !== undefined) return;
    this.#end = {};
    this.#producer.release();
  }
}

function bound(asked: unknown, most: number): number {
  return typeof asked === 'number' && asked >= 1 ? Math.min(asked, most) : most;
}

/** Tells an error, or where that cannot be sent either, that there was one. */
export function answerError(answer: Answer, error: unknown): void {
  try {
    // Null would say that all went well.
    answer([error ?? new Error(`${String(error)} was thrown`)]);
  } catch (cause) {
    answer([new DserviceError('ERR_DATA', `the error cannot be sent: ${String(cause)}`)]);
  }
}
