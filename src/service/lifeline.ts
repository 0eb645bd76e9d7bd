import type { Channel } from '../channel/channel.js';
import type { Clock } from '../clock.js';
import { DserviceError } from '../errors.js';
import type { Limits } from '../limits.js';
import { messageOf } from '../protocol/encode.js';
import type { Session } from '../protocol/session.js';
import { returnOver } from './resume.js';

export interface LifelineOptions {
  readonly session: Session;
  readonly clock: Clock;
  readonly limits: Limits;
  readonly auth?: unknown;
  /**
   * Another channel to the same instance, by whatever way there is. Rejects with why there is none; with
   * `Gone`, there will be none.
   */
  redial(): Promise<Channel>;
}

/** Nobody listens any more where the instance was reached. */
export class Gone extends Error {
  constructor(cause: unknown) {
    super(messageOf(cause), { cause });
  }
}

/** Milliseconds for the answer to a resume, and between two attempts at first and at most. */
const answer = 5_000;
const firstPause = 100;
const longestPause = 2_000;

/** So long, ms, a peer may be suspect before another way to it is looked for. */
const patience = 8_000;

/** For so many ms nobody may know the instance: whoever was to know it may only just be back. */
const unknown = 5_000;

/**
 * Holds a dialled session to its instance: moves it to a better channel when one is offered, and finds
 * another when its own is lost.
 */
export class Lifeline {
  readonly #options: LifelineOptions;
  #busy = false;
  #unknownSince: number | undefined;
  /** The peer shows life, or doubting it is of no use any more. */
  #trust = (): void => {};

  /** `channel`: the one that the session began with. */
  constructor(options: LifelineOptions, channel: Channel) {
    this.#options = options;
    this.#watch(channel);
    options.session.on('away', () => {
      this.#trust();
      void this.#find();
    });
    options.session.on('end', () => this.#trust());
    options.session.on('suspect', (suspect) => this.#doubt(suspect));
  }

  /**
   * With calls out and nothing heard, the way may be gone without a word, long before the network gives it
   * up: then another one is looked for. Nothing is lost if the peer was only slow.
   */
  #doubt(suspect: boolean): void {
    const { session, clock } = this.#options;
    this.#trust();
    if (!suspect) return;
    this.#trust = clock.after(
      patience,
      () => session.lose(new DserviceError('ERR_HEARTBEAT', 'the peer shows no life')),
      true,
    );
  }

  #watch(channel: Channel): void {
    // Who asks for a better one says that it can move.
    if (this.#options.session.continuity?.possible !== true) return;
    channel.onBetter?.((better) => void this.#move(better));
  }

  async #move(better: Channel): Promise<void> {
    const { session } = this.#options;
    if (this.#busy || session.ended) return better.close();
    await this.#exclusively(async () => {
      // If it comes to nothing, the session looks for another way, as when its channel was lost.
      await this.#over(better).catch(() => this.#look());
    });
  }

  async #find(): Promise<void> {
    if (!this.#busy) await this.#exclusively(() => this.#look());
  }

  async #exclusively(work: () => Promise<void>): Promise<void> {
    this.#busy = true;
    try {
      await work();
    } finally {
      this.#busy = false;
    }
    // Lost again before this was through: nobody else was told.
    if (this.#options.session.away && !this.#options.session.ended) await this.#find();
  }

  /** Tries until there is a way, or the session is over. */
  async #look(): Promise<void> {
    const { session, clock, redial } = this.#options;
    this.#unknownSince = undefined;
    for (let pause = firstPause; session.away && !session.ended; pause *= 2) {
      try {
        const channel = await redial();
        this.#watch(channel);
        return await this.#over(channel);
      } catch (error) {
        if (this.#isGone(error)) return session.abandon(gone(error));
      }
      const most = Math.min(pause, longestPause);
      await new Promise<void>((resolve) =>
        clock.after(most * (0.5 + clock.random() / 2), resolve, true),
      );
    }
  }

  async #over(channel: Channel): Promise<void> {
    const { session, clock, limits, auth } = this.#options;
    await returnOver(session, channel, { clock, limits, auth, time: answer });
  }

  /** Whether the instance is gone, or everybody who was asked says, for long enough, that there is none. */
  #isGone(error: unknown): boolean {
    if (error instanceof Gone) return true;
    if (!DserviceError.is(error) || error.code !== 'ERR_NO_INSTANCE') {
      this.#unknownSince = undefined;
      return false;
    }
    const now = this.#options.clock.now();
    this.#unknownSince ??= now;
    return now - this.#unknownSince >= unknown;
  }
}

function gone(cause: unknown): DserviceError {
  const text = `the connection was lost, and the instance is gone: ${messageOf(cause)}`;
  return new DserviceError('ERR_CONNECTION_LOST', text, { cause });
}
