import type { Continuity } from './continuity.js';
import type { Farewell } from './farewell.js';
import { isRecord, type Message, readId } from './message.js';
import type { Pulse } from './pulse.js';
import type { Serving } from './serving.js';
import type { Wire } from './wire.js';

/** Adds a listener of the peer's, as it was sent; returns what takes it away. Throws ERR_OPTION, ERR_LIMIT. */
export type Subscribe = (event: unknown, listener: unknown, group: unknown) => unknown;

/** What may be asked of a peer beside its api. */
export type Question = 'health' | 'on' | 'relies';

const isUp = () => ({ status: 'up' });
const nothing = () => [];

export interface ControlsOptions {
  readonly wire: Wire;
  readonly pulse: Pulse;
  readonly serving: Serving;
  readonly farewell: Farewell;
  /** How this side is. */
  readonly health: (() => unknown) | undefined;
  /** What this side relies on. */
  readonly relies: (() => unknown) | undefined;
  /** A listener of the peer's for an event of this side: what takes it away again. */
  readonly subscribe: Subscribe;
  readonly continuity: () => Continuity | undefined;
  onBye(): void;
  /** Functions of ours were let go. */
  onCulled(): void;
  /** There is no going on. */
  onFatal(message: string): void;
}

/** Messages between sessions, which are not for the api (protocol page, section 2). Unknown ones are ignored. */
export class Controls {
  readonly #options: ControlsOptions;

  constructor(options: ControlsOptions) {
    this.#options = options;
  }

  read(message: Message): void {
    const { control } = message;
    if (this.#options.wire.plain) return;
    const { pulse, serving, farewell, continuity, onBye, onFatal } = this.#options;
    const { wire, health, relies, subscribe } = this.#options;
    switch (control) {
      case 'ping':
        return wire.control('pong', `,"n":${readId(message.n) ?? 0}`);
      case 'pong':
        return pulse.pong(message.n);
      case 'ack':
        if (continuity()?.acknowledged(message.got) === false) onFatal('an ack that cannot be');
        return;
      case 'cancel':
        return serving.cancel(message.call);
      case 'abort':
        return wire.aborted(message);
      case 'release':
        return serving.pipelined.release(message.call);
      case 'cull':
        return isRecord(message.counts) ? this.cull(Object.entries(message.counts)) : undefined;
      case 'health':
        return this.#answer(control, health ?? isUp, message);
      case 'relies':
        return this.#answer(control, relies ?? nothing, message);
      case 'on':
        if (serving.replyOf(message) !== undefined) serving.serve(subscribe, message, 'on');
        return;
      case 'bye':
        onBye();
        return farewell.onBye();
    }
  }

  /** Answers a question that has no arguments. */
  #answer(control: Question, answer: () => unknown, message: Message): void {
    const { serving } = this.#options;
    const reply = serving.replyOf(message);
    if (reply !== undefined) serving.answer(answer, reply, control);
  }

  /** In plain dnode: the peer holds none of these functions. */
  cullAll({ arguments: ids }: Message): void {
    this.cull(Array.isArray(ids) ? ids.map((id: unknown) => [id, Infinity]) : []);
  }

  /** The peer holds so many references less to functions of ours; a plain peer holds none any more. */
  cull(counts: readonly (readonly [id: unknown, count: unknown])[]): void {
    const { local } = this.#options.wire;
    for (const [key, count] of counts) {
      const id = readId(key);
      if (id !== undefined && typeof count === 'number' && count > 0) local.cull(id, count);
    }
    this.#options.onCulled();
  }
}
