import type { Channel } from '../../channel/channel.js';
import type { Direct, DirectAttempt } from '../../channel/direct.js';
import type { Clock } from '../../clock.js';
import { isRecord } from '../../protocol/message.js';
import type { Stamp } from './wire.js';

/** Attempts in all; the first pause in ms, which doubles. */
const tries = 4;
const pause = 30_000;

export interface DirectTriesOptions {
  readonly clock: Clock;
  readonly direct: Direct | undefined;
  readonly peer: Partial<Stamp>;
  send(signal: unknown): void;
  onChannel(channel: Channel): void;
}

export interface DirectTries {
  /** What the other side's attempt says. */
  signal(data: unknown): void;
  /** The dial is over: so is the attempt under way. */
  stop(): void;
}

/**
 * Attempts at a direct channel while a dial lives. What goes over it: `{ try, signal }`, the number of the
 * attempt and what `Direct` says, or `{ try, none: true }` from who can make no direct channel.
 * This is the side that dialled: it begins each attempt.
 */
export function beginDirect(options: DirectTriesOptions & { direct: Direct }): DirectTries {
  const { clock, direct, send } = options;
  let count = 0;
  let current: DirectAttempt | undefined;
  let stopTimer: (() => void) | undefined;
  let over = false;

  const attempt = (): void => {
    const number = ++count;
    current = start(direct, options, true, (signal) => send({ try: number, signal }));
    current?.channel.then(
      (channel) => deliver(channel),
      () => {
        current = undefined;
        if (over || number >= tries) return;
        // Spread, since what failed for one failed for many.
        const wait = pause * 2 ** (number - 1) * (1 + clock.random() / 2);
        stopTimer = clock.after(wait, attempt, true);
      },
    );
  };
  const deliver = (channel: Channel): void => {
    if (over) channel.destroy();
    else options.onChannel(channel);
  };
  attempt();
  return {
    signal(data) {
      if (!isRecord(data) || data.try !== count || over) return;
      if (data.none !== true) return current?.signal(data.signal);
      count = tries;
      current?.cancel();
    },
    stop() {
      over = true;
      stopTimer?.();
      current?.cancel();
    },
  };
}

/** As `beginDirect`, of the side that was dialled: it answers each attempt. */
export function answerDirect(options: DirectTriesOptions): DirectTries {
  const { direct, send } = options;
  let count = 0;
  let current: DirectAttempt | undefined;
  let over = false;

  const attempt = (number: number): void => {
    current?.cancel();
    count = number;
    current =
      direct === undefined
        ? undefined
        : start(direct, options, false, (signal) => send({ try: number, signal }));
    if (current === undefined) return send({ try: number, none: true });
    current.channel.then(
      (channel) => (over ? channel.destroy() : options.onChannel(channel)),
      () => {},
    );
  };
  return {
    signal(data) {
      if (!isRecord(data) || typeof data.try !== 'number' || over) return;
      if (data.try > count && data.try <= tries) attempt(data.try);
      if (data.try === count) current?.signal(data.signal);
    },
    stop() {
      over = true;
      current?.cancel();
    },
  };
}

/** Undefined where this runtime can make none. */
function start(
  direct: Direct,
  { peer }: DirectTriesOptions,
  initiator: boolean,
  send: (signal: unknown) => void,
): DirectAttempt | undefined {
  try {
    return direct({ initiator, peer, send });
  } catch {
    return undefined;
  }
}
