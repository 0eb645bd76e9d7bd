import type { Channel } from '../channel/channel.js';
import type { Clock } from '../clock.js';

/** Milliseconds that one way gets before the next is tried beside it (as RFC 8305, section 5, has it). */
const ahead = 250;

/**
 * The channel that is there first, of several ways to the same place, best first: each begins when the one
 * before has failed, or has taken its time. Rejects with an AggregateError of why each failed, in their
 * order.
 */
export async function race(
  clock: Clock,
  ways: readonly (() => Promise<Channel>)[],
): Promise<Channel> {
  let won = false;
  let begin: Promise<unknown> = Promise.resolve();
  const attempts = ways.map((way) => {
    const attempt = begin.then(async () => {
      if (won) throw new Error('another way was quicker');
      const channel = await way();
      if (won) channel.close();
      won = true;
      return channel;
    });
    begin = begin.then(() => settledOrLate(clock, attempt));
    return attempt;
  });
  return await Promise.any(attempts);
}

function settledOrLate(clock: Clock, attempt: Promise<unknown>): Promise<void> {
  return new Promise((resolve) => {
    const stop = clock.after(ahead, resolve, true);
    const settled = (): void => {
      stop();
      resolve();
    };
    attempt.then(settled, settled);
  });
}
