import { DserviceError } from '../../errors.js';
import type { StreamCall } from './inlet.js';
import { batch, chunk, cut, sizeOf } from './size.js';

/** Whatever a peer says, so much is on its way at most. */
const mostCredit = 16 * chunk;
/** `write`s that are on their way at most. */
const mostWrites = 64;

const forgotten = (): void => {};

/** A stream of the peer's that is written here: what is on the way is what the peer takes. */
export class Outlet {
  readonly #write: StreamCall;
  readonly #close: StreamCall;
  readonly #abort: StreamCall;
  readonly #endOfTurn: (fn: () => void) => void;
  readonly #onEnd: () => void;
  #batch: unknown[] = [];
  #batchSize = 0;
  #scheduled = false;
  #credit = chunk;
  #out = 0;
  #outSize = 0;
  /** Who waits for room. */
  #onRoom: { resolve(): void; reject(error: unknown): void } | undefined;
  #over: { error: unknown } | undefined;
  #closing = false;
  /** Told of an error that no write is told. */
  onFailed: ((error: unknown) => void) | undefined;

  constructor(
    calls: { write: StreamCall; close: StreamCall; abort: StreamCall },
    endOfTurn: (fn: () => void) => void,
    onEnd: () => void,
  ) {
    this.#write = calls.write;
    this.#close = calls.close;
    this.#abort = calls.abort;
    this.#endOfTurn = endOfTurn;
    this.#onEnd = onEnd;
  }

  /** Resolves when there is room for more. Called one at a time. */
  async write(value: unknown): Promise<void> {
    for (const piece of cut(value)) {
      if (this.#over !== undefined) throw this.#over.error;
      this.#batch.push(piece);
      this.#batchSize += sizeOf(piece);
      if (this.#batch.length >= batch || this.#batchSize >= chunk) this.#flush();
      else if (!this.#scheduled) {
        this.#scheduled = true;
        this.#endOfTurn(() => {
          this.#scheduled = false;
          this.#flush();
        });
      }
      if (!this.#hasRoom || this.#batch.length >= batch) await this.#room();
    }
  }

  get #hasRoom(): boolean {
    if (this.#out === 0) return true;
    return this.#out < mostWrites && this.#outSize + this.#batchSize < this.#credit;
  }

  #room(): Promise<void> {
    const room = new Promise<void>((resolve, reject) => (this.#onRoom = { resolve, reject }));
    room.catch(forgotten);
    return room;
  }

  #flush(): void {
    if (this.#batch.length === 0 || this.#over !== undefined || !this.#hasRoom) return;
    const [values, size] = [this.#batch, this.#batchSize];
    this.#batch = [];
    this.#batchSize = 0;
    this.#out++;
    this.#outSize += size;
    this.#write.call([values]).then(
      (credit) => this.#written(size, credit),
      (error: unknown) => this.fail(error),
    );
  }

  #written(size: number, credit: unknown): void {
    this.#out--;
    this.#outSize -= size;
    if (this.#over !== undefined) return;
    if (typeof credit !== 'number' || !(credit >= 0)) {
      this.#abort.call([]).catch(forgotten);
      const text = "the peer's stream is broken: a `write` was not answered with bytes";
      return this.fail(new DserviceError('ERR_MALFORMED', text));
    }
    this.#credit = Math.min(credit, mostCredit);
    this.#flush();
    if (this.#batch.length < batch && this.#hasRoom) {
      this.#onRoom?.resolve();
      this.#onRoom = undefined;
    }
  }

  /** Resolves when the peer has taken all, and closed. */
  async close(): Promise<void> {
    this.#closing = true;
    while (this.#batch.length > 0) {
      this.#flush();
      if (this.#batch.length > 0) await this.#room();
    }
    if (this.#over !== undefined) throw this.#over.error;
    const closed = this.#close.call([]);
    this.#finish(new DserviceError('ERR_STATE', 'the stream was closed'));
    await closed;
  }

  async abort(reason: unknown): Promise<void> {
    if (this.#over !== undefined) return;
    const told = this.#abort.call(reason === undefined ? [] : [reason]);
    this.#finish(reason);
    await told.catch(forgotten);
  }

  fail(error: unknown): void {
    if (this.#over !== undefined) return;
    this.#finish(error);
    if (!this.#closing) this.onFailed?.(error);
  }

  #finish(error: unknown): void {
    this.#over = { error };
    this.#batch = [];
    this.#onRoom?.reject(error);
    this.#onRoom = undefined;
    for (const call of [this.#write, this.#close, this.#abort]) call.release();
    this.#onEnd();
  }
}

/**
 * The stream itself. `follow` is given what lives as long as it does: not the stream, since in browsers that object
 * only stands for it, and may be collected while it is written.
 */
export function remoteWritable(
  outlet: Outlet,
  follow: (life: object) => void,
): WritableStream<unknown> {
  const sink: UnderlyingSink<unknown> & { controller?: WritableStreamDefaultController } = {
    start: (controller) => void (sink.controller = controller),
    write: (value) => outlet.write(value),
    close: () => outlet.close(),
    abort: (reason) => outlet.abort(reason),
  };
  // Not by a reference that keeps the stream: who forgets it before it was closed has aborted it.
  const weak = new WeakRef(sink);
  outlet.onFailed = (error) => weak.deref()?.controller?.error(error);
  follow(sink);
  return new WritableStream<unknown>(sink);
}
