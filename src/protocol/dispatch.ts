import { DserviceError } from '../errors.js';
import { authorizeFirst } from './authorize-first.js';
import type { Calling } from './calling.js';
import type { Intake } from './intake.js';
import { keeperOf } from './keeper.js';
import { isUrgent, type Message, readId } from './message.js';
import type { NamedFunction } from './pipelining/replay-map.js';
import type { Serving } from './serving.js';
import { malformed, readPath, readsOnTheWay, stepTo } from './pipelining/steps.js';
import type { AnyFunction } from './encode.js';
import type { Wire } from './wire.js';

/** Finds what a message with a method is for: a call of ours that waits, or a function of ours. */
export class Dispatch {
  readonly #wire: Wire;
  readonly #calling: Calling;
  readonly #serving: Serving;
  readonly #intake: Intake;

  constructor(wire: Wire, calling: Calling, serving: Serving, intake: Intake) {
    this.#wire = wire;
    this.#calling = calling;
    this.#serving = serving;
    this.#intake = intake;
  }

  /** Reads a message that calls something. True where it is between sessions. Throws what is wrong with it. */
  read(api: object, message: Message): boolean {
    const { method, control } = message;
    if (typeof method === 'number') this.#number(method, message);
    else if (typeof method === 'string') this.#name(method, api, message);
    else if (message.on !== undefined) this.#ahead(api, message);
    else if (Array.isArray(method)) this.#path(method, api, message);
    else if (typeof control === 'string') return true;
    else throw new DserviceError('ERR_MALFORMED', 'a message has no method');
    return false;
  }

  /** An outcome, or a call of a function that was passed. Throws ERR_METHOD, ERR_RELEASED. */
  #number(id: number, message: Message): void {
    if (this.#calling.settle(id, message)) {
      // What we asked for is no burden of the peer's.
      this.#intake.room++;
      // Called back by a peer that has said hello since: it asks for the outcome of its answer.
      const reply = this.#serving.replyOf(message);
      if (reply !== undefined) this.#serving.reply(reply, []);
      return;
    }
    this.#serving.pipelined.keep(message);
    const local = this.#wire.local.get(id);
    if (local !== undefined) {
      const direct = this.#wire.agreed('stream') ? keeperOf(local.fn)?.direct : undefined;
      if (direct !== undefined) return this.#serving.stream(direct, message);
      return this.#serving.serve(local.fn, message, local.name, local.method);
    }
    this.#wire.drop(message);
    if (this.#wire.issued(id) && message.reply === undefined) return;
    throw this.#noFunction(id);
  }

  /** Whether a message need not wait while the peer's calls do: it asks for nothing. */
  mayPass(message: Message): boolean {
    // A plain peer's ids tell by their order which are dead, so what mentions some keeps its place.
    const mentions = this.#wire.plain && Object.keys(message.callbacks ?? {}).length > 0;
    return isUrgent(message) || (this.#calling.awaits(message.method) && !mentions);
  }

  /** A call of a method of the api. Throws ERR_METHOD. */
  #name(name: string, api: object, message: Message): void {
    this.#serving.pipelined.keep(message);
    const fn = this.#wire.methods.named(api, name);
    if (fn !== undefined) return this.#serving.serve(fn, message, name, name);
    this.#wire.drop(message);
    throw noMethod(name);
  }

  /** A call of what stands at a path of the api. Throws ERR_METHOD, ERR_MALFORMED. */
  #path(path: unknown, api: object, message: Message): void {
    const { methods, plain } = this.#wire;
    if (plain) throw malformed('`method` is not a name');
    this.#serving.pipelined.keep(message);
    const steps = readPath(path);
    const name = steps.join('.');
    const find = (): AnyFunction => {
      const fn = stepTo(api, steps, methods);
      if (typeof fn === 'function') return fn as AnyFunction;
      this.#wire.drop(message);
      throw noMethod(name);
    };
    // Where code runs to get there, it is asked first whether it may.
    const asked = this.#serving.guards.authorize !== undefined;
    if (asked && readsOnTheWay(api, steps)) {
      authorizeFirst(this.#serving, this.#wire, message, name, find);
    } else this.#serving.serve(find(), message, name, name);
  }

  /** Something is asked of the outcome of a call before. Throws what is wrong with it. */
  #ahead(api: object, message: Message): void {
    const { pipelined } = this.#serving;
    pipelined.keep(message);
    try {
      pipelined.reach(message, (method) => this.#find(method, api));
    } catch (error) {
      this.#wire.drop(message);
      throw error;
    }
  }

  #find(method: number | string, api: object): NamedFunction {
    if (typeof method === 'number') {
      const local = this.#wire.local.get(method);
      if (local === undefined) throw this.#noFunction(method);
      return local;
    }
    const fn = this.#wire.methods.named(api, method);
    if (fn === undefined) throw noMethod(method);
    return { fn, name: method, method };
  }

  #noFunction(id: number): DserviceError {
    const released = this.#wire.issued(readId(id) ?? -1);
    const text = released ? `function ${id} was released` : `there is no function ${id}`;
    return new DserviceError(released ? 'ERR_RELEASED' : 'ERR_METHOD', text, { mayHaveRun: false });
  }
}

function noMethod(name: string): DserviceError {
  const method = name.slice(0, 64);
  const text = `there is no method "${method}"`;
  return new DserviceError('ERR_METHOD', text, { method, mayHaveRun: false });
}
