import type { Channel } from '../../channel/channel.js';
import type { Direct } from '../../channel/direct.js';
import type { Clock } from '../../clock.js';
import { DserviceError, type ErrorCode } from '../../errors.js';
import type { Limits } from '../../limits.js';
import { messageOf } from '../../protocol/encode.js';
import { isRecord } from '../../protocol/message.js';
import { answerDirect, beginDirect, type DirectTries } from './direct-tries.js';
import type { Link } from './link.js';
import { type Relayed, relayedChannel } from './relayed-channel.js';
import { remoteSide } from './remote-side.js';
import type { RelaySide, Stamp } from './wire.js';

export interface CarriageOptions {
  readonly clock: Clock;
  readonly limits: Limits;
  readonly direct: Direct | undefined;
}

/** Channels that one link may carry; a rendezvous allows less. */
const most = 1_024;

/** Of what a rendezvous refuses, what its caller is told as it is. */
const told: readonly ErrorCode[] = ['ERR_NO_INSTANCE', 'ERR_LIMIT', 'ERR_BUSY', 'ERR_TIMEOUT'];

/**
 * A channel to an instance, over this link; while it lives and its owner asks for a better one, a direct
 * one is tried. Rejects with ERR_NO_INSTANCE, ERR_CONNECT, ERR_TIMEOUT, ERR_LIMIT, ERR_BUSY.
 */
export async function dialOver(
  link: Link,
  instance: string,
  timeout: number,
  options: CarriageOptions,
): Promise<Channel> {
  const { direct } = options;
  let tries: DirectTries | undefined;
  let over = false;
  const relayed = carried(link, options, {
    onSignal: (data) => tries?.signal(data),
    onOver() {
      over = true;
      tries?.stop();
    },
  });
  const { channel, near } = relayed;
  try {
    const far = await link.call('dial', [instance, near], { deadline: timeout });
    const side = remoteSide(far);
    const peer = stampOf(far);
    relayed.attach(side, peer);
    // Only when it is asked for: who cannot move to a better one needs none.
    channel.onBetter = (listener) => {
      relayed.movable = true;
      if (over || direct === undefined || !side.direct) return;
      tries ??= beginDirect({
        ...{ clock: options.clock, direct, peer },
        send: (signal) => side.signal(signal),
        onChannel: listener,
      });
    };
    return channel;
  } catch (error) {
    relayed.lose(new DserviceError('ERR_CONNECT', 'it was not reached'));
    throw notReached(instance, error);
  }
}

function notReached(instance: string, cause: unknown): DserviceError {
  const text = `${instance} cannot be reached by the rendezvous: ${messageOf(cause)}`;
  const known = DserviceError.is(cause) ? cause.code : undefined;
  const code = known === 'ERR_DEADLINE' ? 'ERR_TIMEOUT' : known;
  // It has only begun, and the instance may not have come to it yet: it is not taken for gone.
  const early = isRecord(cause) && typeof cause.settling === 'number' && cause.settling > 0;
  const is = code !== undefined && told.includes(code) && !early ? code : 'ERR_CONNECT';
  return new DserviceError(is, text, { cause, mayHaveRun: false });
}

/** Answers a dial that came over this link. Throws ERR_BUSY, ERR_DATA. */
export function answerOver(
  link: Link,
  info: unknown,
  near: unknown,
  accept: (channel: Channel) => void,
  options: CarriageOptions,
): RelaySide {
  if (link.relayed >= most) {
    throw new DserviceError('ERR_BUSY', `${most} channels are carried already`, {
      mayHaveRun: false,
    });
  }
  const far = remoteSide(near);
  const peer = stampOf(info);
  const tries = answerDirect({
    ...{ clock: options.clock, direct: options.direct, peer },
    send: (signal) => far.signal(signal),
    // The session above recognises whose it is.
    onChannel: accept,
  });
  const relayed = carried(link, options, {
    onSignal: (data) => tries.signal(data),
    onOver: () => tries.stop(),
  });
  relayed.attach(far, peer);
  accept(relayed.channel);
  return { ...relayed.near, direct: options.direct !== undefined };
}

function carried(
  link: Link,
  { clock, limits }: CarriageOptions,
  { onSignal, onOver }: { onSignal(data: unknown): void; onOver(): void },
): Relayed {
  let letGo: (() => void) | undefined = link.hold();
  const relayed: Relayed = relayedChannel({
    clock,
    limit: limits.line + 64 * 1024,
    onSignal,
    onHold(keep) {
      letGo?.();
      letGo = keep ? link.hold() : undefined;
    },
    onOver() {
      onOver();
      done();
    },
  });
  const done = link.carry(relayed);
  return relayed;
}

function stampOf(value: unknown): Partial<Stamp> {
  const { origin, address } = isRecord(value) ? value : {};
  return {
    ...(typeof origin === 'string' ? { origin } : {}),
    ...(typeof address === 'string' ? { address } : {}),
  };
}
