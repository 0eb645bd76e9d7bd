import type { ErrorCode } from '../errors.js';
import type { Continuity } from './continuity.js';
import { isRecord, type Message, readId } from './message.js';
import type { Pulse } from './pulse.js';
import type { Serving } from './serving.js';
import type { Wire } from './wire.js';

/** Adds a listener of the peer's, as it was sent; returns what takes it away. Throws ERR_OPTION, ERR_LIMIT. */
export type Subscribe = (event?: unknown, listener?: unknown, group?: unknown) => unknown;

/** What may be asked of a peer beside its api. */
export type Question = 'health' | 'on' | 'relies';

const isUp = () => ({ status: 'up' });
const nothing = () => [];

export interface ControlsOptions {
  /** How this side is. */
  readonly health?: (() => unknown) | undefined;
  /** What this side relies on. */
  readonly relies?: (() => unknown) | undefined;
}

/** The session between whose ends they are. */
export interface ControlsHost {
  readonly continuity: Continuity | undefined;
  readonly wire: Wire;
  readonly serving: Serving;
  readonly pulse: Pulse;
  /** A listener of the peer's for an event of this side: what takes it away again. */
  subscribe: Subscribe;
  onBye(): void;
  /** Functions of ours were let go. */
  onCulled(): void;
  /** There is no going on. */
  onFatal(code: ErrorCode, message: string): void;
}

/** Messages between sessions, which are not for the api (protocol page, section 2). Unknown ones are ignored. */
export class Controls {
  readonly #options: ControlsOptions;
  readonly #host: ControlsHost;

  constructor(options: ControlsOptions, host: ControlsHost) {
    this.#options = options;
    this.#host = host;
  }

  read(message: Message): void {
    const { control } = message;
    const host = this.#host;
    const { wire, serving } = host;
    if (wire.plain) return;
    switch (control) {
      case 'ping':
        return wire.control('pong', `,"n":${readId(message.n) ?? 0}`);
      case 'pong':
        return host.pulse.pong(message.n);
      case 'ack':
        if (host.continuity?.acknowledged(message.got) === false) {
          host.onFatal('ERR_MALFORMED', 'an ack that cannot be');
        }
        return;
      case 'cancel':
        return serving.cancel(message.call);
      case 'abort':
        return wire.signalsNow().aborted(message);
      case 'release':
        return serving.pipelined.release(message.call);
      case 'cull':
        return isRecord(message.counts) ? this.cull(Object.entries(message.counts)) : undefined;
      case 'health':
        return this.#answer(control, this.#options.health ?? isUp, message);
      case 'relies':
        return this.#answer(control, this.#options.relies ?? nothing, message);
      case 'on':
        if (serving.replyOf(message) === undefined) return;
        return serving.serve((...args) => host.subscribe(...args), message, 'on');
      case 'bye':
        return host.onBye();
    }
  }

  /** Answers a question that has no arguments. */
  #answer(control: Question, answer: () => unknown, message: Message): void {
    const { serving } = this.#host;
    const reply = serving.replyOf(message);
    if (reply !== undefined) serving.answer(answer, reply, control);
  }

  /** In plain dnode: the peer holds none of these functions. */
  cullAll({ arguments: ids }: Message): void {
    this.cull(Array.isArray(ids) ? ids.map((id: unknown) => [id, Infinity]) : []);
  }

  /** The peer holds so many references less to functions of ours; a plain peer holds none any more. */
  cull(counts: readonly (readonly [id: unknown, count: unknown])[]): void {
    const { local } = this.#host.wire;
    for (const [key, count] of counts) {
      const id = readId(key);
      if (id !== undefined && typeof count === 'number' && count > 0) local.cull(id, count);
    }
    this.#host.onCulled();
  }
}
