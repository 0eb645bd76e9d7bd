import { DserviceError } from '../../errors.js';
import type { Consumer } from './ends.js';
import { chunk, sizeOf } from './size.js';
import { answerError } from './source.js';
import type { Answer } from '../keeper.js';

/** Bytes that the peer may have on their way, once it has begun. */
export const window = 4 * chunk;
/** What is written beyond these is refused: nobody who keeps to the window comes near. */
const mostBytes = 4 * window;
const mostWrites = 1_000;

/** A stream of ours that the peer writes: an answer means that the values were taken. */
export class Sink {
  readonly #consumer: Consumer;
  #writes = 0;
  #bytes = 0;
  #over: { error: unknown } | undefined;

  readonly #onEnd: () => void;

  /** `onEnd` is told once: the peer has closed it, or it failed. */
  constructor(consumer: Consumer, onEnd: () => void) {
    this.#consumer = consumer;
    this.#onEnd = onEnd;
  }

  /** It waits for nothing that is sent. */
  pump(): void {}

  write(values: unknown, answer: Answer): void {
    if (this.#over !== undefined) return answerError(answer, this.#over.error);
    if (!Array.isArray(values)) {
      const text = 'what is written to a stream is an array of values';
      return this.#refuse(new DserviceError('ERR_MALFORMED', text), answer);
    }
    const size = sizeOf(values, Infinity);
    if (this.#writes >= mostWrites || (this.#writes > 0 && this.#bytes + size > mostBytes)) {
      const text = 'more is written to the stream than it takes';
      return this.#refuse(new DserviceError('ERR_LIMIT', text), answer);
    }
    this.#writes++;
    this.#bytes += size;
    const written = Promise.all(values.map((value) => this.#consumer.write(value)));
    written.then(
      () => {
        this.#writes--;
        this.#bytes -= size;
        if (this.#over !== undefined) answerError(answer, this.#over.error);
        else answer([null, window]);
      },
      (error: unknown) => {
        this.#writes--;
        this.#bytes -= size;
        this.#over ??= { error };
        answerError(answer, this.#over.error);
        this.#onEnd();
      },
    );
  }

  #refuse(error: DserviceError, answer: Answer): void {
    this.stop(error);
    answerError(answer, error);
  }

  close(answer: Answer): void {
    if (this.#over !== undefined) return answerError(answer, this.#over.error);
    this.#over = { error: new DserviceError('ERR_STATE', 'the stream was closed') };
    settle(() => this.#consumer.close()).then(
      () => {
        answer([]);
        this.#onEnd();
      },
      (error: unknown) => {
        answerError(answer, error);
        this.#onEnd();
      },
    );
  }

  /** Nothing more comes, and it is not whole. */
  stop(reason: unknown): void {
    if (this.#over !== undefined) return;
    this.#over = { error: reason };
    this.#onEnd();
    // Whoever waits for it has its reason.
    settle(() => this.#consumer.abort(reason)).catch(() => {});
  }

  fail(error: DserviceError): void {
    this.stop(error);
  }

  /** It was never sent. */
  release(): void {
    if (this.#over !== undefined) return;
    this.#over = { error: new DserviceError('ERR_STATE', 'the stream was not sent') };
    this.#consumer.release();
  }
}

async function settle(run: () => Promise<unknown>): Promise<void> {
  await run();
}
