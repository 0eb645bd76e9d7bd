import type { Channel } from '../../channel/channel.js';
import type { Clock } from '../../clock.js';
import { DserviceError } from '../../errors.js';
import type { Limits } from '../../limits.js';
import type { ContextScope } from '../../protocol/context.js';
import { messageOf } from '../../protocol/encode.js';
import type { CallOptions } from '../../protocol/options.js';
import { Session } from '../../protocol/session.js';
import type { Relayed } from './relayed-channel.js';
import { lost } from './wire.js';

export interface LinkOptions {
  readonly channel: Channel;
  readonly clock: Clock;
  readonly scope: ContextScope;
  readonly limits: Limits;
  readonly decodeText?: ((bytes: Uint8Array) => string) | undefined;
  readonly logger: { warn(message: string): void };
  /** Credentials for the rendezvous. */
  readonly auth?: unknown;
  /** The rendezvous has said what it can do. */
  onReady(): void;
  /** The rendezvous will leave. */
  onBye(): void;
  onEnd(error: DserviceError | undefined): void;
}

/** A session with the rendezvous, and the channels that it carries. */
export class Link {
  readonly #session: Session;
  readonly #channel: Channel;
  readonly #relayed = new Set<Relayed>();
  /** Who wants the process to live. */
  #holds = 0;
  #retired = false;

  constructor(options: LinkOptions) {
    const { channel, clock, scope, limits, decodeText, logger, auth } = options;
    this.#channel = channel;
    this.#session = new Session({
      channel: unheld(channel),
      ...{ clock, scope, limits, decodeText, auth },
    });
    channel.hold?.(false);
    let wrong: DserviceError | undefined;
    this.#session.on('remote', (api) => {
      // One that has yet to let us in shows nothing at first.
      if ('browse' in api || Object.keys(api).length === 0) return options.onReady();
      wrong = new DserviceError('ERR_DISCOVERY', 'what answers there is no rendezvous');
      this.#session.close();
    });
    this.#session.on('bye', () => options.onBye());
    this.#session.on('end', (error) => {
      for (const relayed of [...this.#relayed]) relayed.lose(lost('the rendezvous is gone'));
      options.onEnd(wrong ?? error);
    });
    this.#session.on('error', (error) =>
      logger.warn(`dservice: something for the rendezvous failed: ${messageOf(error)}`),
    );
  }

  start(): void {
    this.#session.start();
  }

  get ended(): boolean {
    return this.#session.ended;
  }

  get relayed(): number {
    return this.#relayed.size;
  }

  call(method: string, args: unknown[], options?: CallOptions): Promise<unknown> {
    return this.#session.call(method, args, options);
  }

  /** Keeps the process alive, until the returned function is called. */
  hold(): () => void {
    let held = true;
    this.#count(1);
    return () => {
      if (held) this.#count(-1);
      held = false;
    };
  }

  #count(more: number): void {
    this.#holds += more;
    this.#channel.hold?.(this.#holds > 0);
  }

  /** It carries that channel from now on; the returned function is for when it does no more. */
  carry(relayed: Relayed): () => void {
    this.#relayed.add(relayed);
    return () => {
      this.#relayed.delete(relayed);
      if (this.#retired) this.#leave();
    };
  }

  /** It is used for nothing new, and ends with the last channel that it carries, but for those that can move. */
  retire(): void {
    this.#retired = true;
    const leaving = new DserviceError('ERR_CONNECTION_LOST', 'the rendezvous leaves');
    for (const relayed of [...this.#relayed]) if (relayed.movable) relayed.lose(leaving);
    // As long as this waits, the rendezvous waits for us.
    if (this.#relayed.size > 0) this.call('stay', [], { deadline: Infinity }).catch(() => {});
    this.#leave();
  }

  #leave(): void {
    if (this.#relayed.size === 0) this.#session.close();
  }

  close(): void {
    this.#session.close();
  }
}

/** A session keeps the process alive as long as the peer holds functions of ours, which this one always does. */
function unheld(channel: Channel): Channel {
  return {
    framing: channel.framing,
    peer: channel.peer,
    binary: channel.binary === true,
    get buffered() {
      return channel.buffered;
    },
    open: (handlers) => channel.open(handlers),
    write: (data, bytes) => channel.write(data, bytes),
    pause: () => channel.pause(),
    resume: () => channel.resume(),
    close: () => channel.close(),
    destroy: (error) => channel.destroy(error),
  };
}
