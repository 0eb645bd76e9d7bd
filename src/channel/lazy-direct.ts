import { DserviceError } from '../errors.js';
import type { Direct, DirectAttempt } from './direct.js';

/** Signals that are kept while it is loaded. */
const most = 256;

/** A `Direct` that is loaded when the first attempt begins: who never makes one does not pay for it. */
export function lazyDirect(load: () => Promise<Direct | undefined>): Direct {
  return (options) => {
    const early: unknown[] = [];
    let attempt: DirectAttempt | undefined;
    let cancelled = false;
    const begin = async () => {
      const direct = await load().catch((cause: unknown) => {
        throw new DserviceError('ERR_CONNECT', 'direct channels could not be loaded', { cause });
      });
      if (direct === undefined) {
        throw new DserviceError('ERR_CONNECT', 'there are no direct channels here');
      }
      attempt = direct(options);
      for (const data of early) attempt.signal(data);
      if (cancelled) attempt.cancel();
      return await attempt.channel;
    };
    const channel = begin();
    // Who has cancelled need not look.
    channel.catch(() => {});
    return {
      channel,
      signal(data) {
        if (attempt !== undefined) attempt.signal(data);
        else if (early.length < most) early.push(data);
      },
      cancel() {
        cancelled = true;
        attempt?.cancel();
      },
    };
  };
}
