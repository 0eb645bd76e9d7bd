import type { AnyFunction } from '../encode.js';
import type { Message } from '../message.js';
import type { Answer } from './kept.js';

/** Where calls run, that stand on outcomes or on nothing: the serving half of a session. */
export interface Host {
  /** The id under which a message wants its outcome. */
  replyOf(message: Message): number | undefined;
  /** Sends an outcome. Never throws. */
  reply(id: number, answer: Answer): void;
  /** Runs a handler; `sink` takes the outcome, in place of the caller. Throws ERR_BUSY, ERR_CALL_CYCLE. */
  run(
    fn: AnyFunction,
    args: unknown[],
    message: Message,
    name: string,
    method?: string,
    sink?: (answer: Answer) => void,
  ): void;
  /** Runs a call when the blobs among its arguments are read: until then it waits. */
  whole(whole: Promise<void> | undefined, message: Message, run: () => void): void;
  /** Throws ERR_BUSY where as many calls run as may. */
  checkRoom(): void;
  /** So many more calls wait for what they stand on: this message's. */
  waiting(more: number, message: Message, then?: () => void): void;
}
