import type { Channel } from '../channel/channel.js';
import type { Api } from '../protocol/api.js';
import type { Session } from '../protocol/session.js';
import type { Answer, Engine, EngineServer, Exchange } from './engine.js';
import type { Listener } from './runtime.js';
import type { ServerOptions } from './server.js';

/** An api that is served, by all the engines that it is spoken by. */
export class Served {
  readonly #engines: readonly EngineServer[];
  #listener: Listener | undefined;
  #closed = false;

  /** Throws ERR_API, ERR_NAME for an api that cannot be served. */
  constructor(api: Api, engines: readonly Engine[], options: ServerOptions) {
    this.#engines = engines.flatMap((engine) => engine.serve?.(api, options) ?? []);
  }

  /** Where it is reached, best first: `unix:/path`, `tcp://host:port`, `tls://host:port`, and others of engines. */
  get endpoints(): readonly string[] {
    const others = this.#engines.flatMap(({ endpoints }) => endpoints ?? []);
    return [...(this.#listener?.endpoints ?? []), ...others];
  }

  /** Those who are connected by dnode. */
  get sessions(): ReadonlySet<Session> {
    return this.#engines.find(({ sessions }) => sessions !== undefined)?.sessions ?? new Set();
  }

  /**
   * Takes over a listener, which ends with this, and has engines listen that have a place of their own.
   * Rejects with ERR_LISTEN, ERR_OPTION.
   */
  async attach(listener: Listener): Promise<void> {
    this.#listener = listener;
    if (this.#closed) return await listener.close();
    for (const engine of this.#engines) await engine.listen?.();
  }

  /** Serves one more channel. */
  accept(channel: Channel): void {
    const engine = this.#engines.find(({ accept }) => accept !== undefined);
    // Who leaves takes nobody new, but those who come back; that is for the engine to tell apart.
    if (engine?.accept === undefined) channel.destroy();
    else engine.accept(channel);
  }

  /** Answers one request, if it is for any engine. */
  answer(exchange: Exchange): Promise<Answer | undefined> | undefined {
    for (const engine of this.#engines) {
      const answered = engine.answer?.(exchange);
      if (answered !== undefined) return answered;
    }
    return undefined;
  }

  /** Serves another api from now on, and announces it to those who are here. Throws ERR_API, ERR_NAME. */
  announce(api: object): void {
    for (const engine of this.#engines) engine.announce(api);
  }

  /** Stops listening, and ends all that runs. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const engine of this.#engines) engine.close();
    await this.#listener?.close();
  }

  /** Stops listening, lets what runs and what is under way finish (within `time` ms), and ends. */
  async drain(time = 10_000): Promise<void> {
    // Without any time, at once: whoever says so has none.
    if (time === 0) return await this.close();
    this.#closed = true;
    const back = Promise.all(
      this.#engines.map((engine) => engine.allBack?.() ?? Promise.resolve()),
    );
    await Promise.all([
      back.then(() => this.#listener?.close(time)),
      ...this.#engines.map((engine) => engine.drain(time)),
    ]);
    for (const engine of this.#engines) engine.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
