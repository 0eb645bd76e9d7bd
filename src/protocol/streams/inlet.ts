import { DserviceError } from '../../errors.js';
import { isReceived } from '../error-value.js';
import { isRecord } from '../message.js';
import { batch, chunk, sizeOf } from './size.js';

/** A function of the peer's that belongs to a stream: its calls have no deadline, and are not counted with those of users. */
export interface StreamCall {
  call(args: unknown[]): Promise<unknown>;
  release(): void;
}

/** `next`s that are out at first, and at most: where the way is long, or the reader fast, two are too few. */
const [firstCredit, mostCredit] = [2, 8];

interface Waiting {
  resolve(result: IteratorResult<unknown, undefined>): void;
  reject(error: unknown): void;
  /** What the user holds: as long as somebody waits for it, it is not collected. */
  readonly holder: object;
}

interface Asked {
  outcome?: { value: unknown } | { error: unknown };
}

const forgotten = (): void => {};
const end: IteratorResult<unknown, undefined> = { done: true, value: undefined };

/** A stream of the peer's that is read here. Holds no more than was asked for. */
export class Inlet {
  readonly #next: StreamCall;
  readonly #return: StreamCall;
  readonly #onEnd: () => void;
  /** Whether a value is of the kind that the stream has. */
  readonly #check: (value: unknown) => boolean;
  readonly #values: unknown[] = [];
  #size = 0;
  readonly #waiting: Waiting[] = [];
  /** Outcomes in the order in which they were asked for. */
  readonly #asked: Asked[] = [];
  #credit = firstCredit;
  /** Bytes that may be here and not read. */
  readonly #most: number;
  #over: { error?: unknown } | undefined;
  /** Told of an error that nobody waits for. */
  onFailed: ((error: unknown) => void) | undefined;

  /** `onEnd` is called once, when nothing more is asked of the peer. */
  constructor(
    next: StreamCall,
    end: StreamCall,
    check: (value: unknown) => boolean,
    onEnd: () => void,
    most = Infinity,
  ) {
    this.#most = most;
    this.#next = next;
    this.#return = end;
    this.#check = check;
    this.#onEnd = onEnd;
  }

  read(holder: object): Promise<IteratorResult<unknown, undefined>> {
    const read = new Promise<IteratorResult<unknown, undefined>>((resolve, reject) => {
      this.#waiting.push({ resolve, reject, holder });
    });
    read.catch(forgotten);
    this.#serve();
    this.#ask();
    return read;
  }

  #ask(): void {
    const held = Math.floor(Math.max(this.#values.length / batch, this.#size / chunk));
    // Half of the window at a time: each write wakes the peer.
    if (this.#asked.length + held > this.#credit / 2) return;
    while (this.#over === undefined && this.#asked.length + held < this.#credit) {
      const asked: Asked = {};
      this.#asked.push(asked);
      this.#next.call([batch, chunk]).then(
        (value) => {
          asked.outcome = { value };
          this.#answered();
        },
        (error: unknown) => {
          asked.outcome = { error };
          this.#answered();
        },
      );
    }
  }

  #answered(): void {
    for (;;) {
      const outcome = this.#asked[0]?.outcome;
      if (outcome === undefined) break;
      this.#asked.shift();
      if (this.#over !== undefined) continue;
      if ('error' in outcome) this.fail(outcome.error);
      else this.#take(outcome.value);
    }
    this.#ask();
  }

  #take(answer: unknown): void {
    if (!isRecord(answer) || !Array.isArray(answer.values)) {
      return this.#refuse('a `next` was not answered with values');
    }
    const values: unknown[] = answer.values;
    const done = answer.done === true;
    if (values.length > batch || (values.length === 0 && !done)) {
      return this.#refuse(`a \`next\` was answered with ${values.length} values`);
    }
    if (!values.every(this.#check)) return this.#refuse('a value is of another kind');
    const hungry = this.#waiting.length > 0 && this.#values.length === 0;
    let size = 0;
    for (const value of values) size += sizeOf(value);
    const full = values.length === batch || size > chunk / 2;
    if (size > 4 * chunk) this.#credit = firstCredit;
    else if (hungry && full) this.#credit = Math.min(mostCredit, Math.ceil(1.5 * this.#credit));
    this.#size += size;
    if (this.#size > this.#most) return this.#refuse(`over ${this.#most} bytes`, 'ERR_LIMIT');
    this.#values.push(...values);
    if (done) this.#finish({});
    this.#serve();
  }

  #refuse(what: string, code: 'ERR_MALFORMED' | 'ERR_LIMIT' = 'ERR_MALFORMED'): void {
    const error = new DserviceError(code, `the peer's stream is broken: ${what}`);
    if (this.#over === undefined) this.#return.call([]).catch(forgotten);
    this.fail(error);
  }

  #serve(): void {
    while (this.#waiting.length > 0 && this.#values.length > 0) {
      const value = this.#values.shift();
      this.#size = this.#values.length === 0 ? 0 : Math.max(0, this.#size - sizeOf(value));
      this.#waiting.shift()?.resolve({ done: false, value });
    }
    const over = this.#over;
    if (over === undefined || this.#values.length > 0) return;
    if ('error' in over && this.#waiting.length > 0) {
      const { error } = over;
      delete over.error;
      this.#waiting.shift()?.reject(error);
    }
    for (const waiting of this.#waiting.splice(0)) waiting.resolve(end);
  }

  /** No more comes: what is here may be read, and then there is an error. */
  fail(error: unknown): void {
    if (this.#over !== undefined) return;
    const idle = this.#waiting.length === 0 && this.#values.length === 0;
    this.#finish({ error });
    if (idle) this.onFailed?.(error);
    this.#serve();
  }

  /** No more is wanted. Rejects with what the producer failed with when it was told. */
  async cancel(reason?: unknown): Promise<void> {
    this.#values.length = 0;
    if (this.#over !== undefined) {
      delete this.#over.error;
      return this.#serve();
    }
    const told = this.#tell(reason);
    this.#finish({});
    this.#serve();
    try {
      await told;
    } catch (error) {
      // If the peer is not there any more, it needs no telling.
      if (typeof error === 'object' && error !== null && isReceived(error)) throw error;
      if (!DserviceError.is(error)) throw error;
    }
  }

  #tell(reason: unknown): Promise<unknown> {
    const told = this.#return.call(reason === undefined ? [] : [reason]);
    told.catch(forgotten);
    return told;
  }

  #finish(over: { error?: unknown }): void {
    this.#over = over;
    this.#next.release();
    this.#return.release();
    this.#onEnd();
  }
}
