import { types } from 'node:util';
import { DserviceError } from '../../src/errors.js';
import type { Limits } from '../../src/limits.js';
import { decode, type References } from '../../src/protocol/decode.js';
import { type AnyFunction, encode, type FunctionIds } from '../../src/protocol/encode.js';
import { LocalFunctions } from '../../src/protocol/functions.js';
import { OwnMethods } from '../../src/protocol/own-methods.js';
import { standsFor } from '../../src/protocol/pipelining/recording.js';
import { plainJson } from '../../src/protocol/quick.js';
import { isRecord, type Message, readId } from '../../src/protocol/message.js';
import { ascii } from '../../src/protocol/ascii.js';
import type { DnodeOptions } from './options.js';
import { type StandIns, WeakStandIns, WrappedStandIns } from './stand-ins.js';

export interface ProtoEvents {
  /** A message is to be sent: JSON, without a newline. */
  request(line: string): void;
  /** The peer has told what it offers. */
  remote(remote: Record<string, unknown>): void;
  /** The peer did something wrong. */
  fail(error: DserviceError): void;
  /** Code of this side's failed. */
  error(error: unknown): void;
}

export interface ProtoOptions extends Pick<DnodeOptions, 'weak' | 'proto'> {
  readonly limits: Limits;
  /** Functions of ours that the peer may hold. */
  readonly given: number;
}

/** Programs of dnode's time send what they like; only recursion has an end. */
const sendable = { depth: 1_000, nodes: Infinity, entries: Infinity };

/**
 * Both tables of functions and what the messages do to them: plain dnode, without any stream (protocol
 * page, section 1). Nothing that `handle` is given makes it throw.
 */
export class Proto {
  /** What the peer offers: one object for the whole connection. */
  readonly remote: Record<string, unknown> = {};
  /** What is offered to the peer. */
  instance: object = {};
  readonly #events: ProtoEvents;
  readonly #limits: Limits;
  readonly #local: LocalFunctions;
  readonly #methods = new OwnMethods();
  readonly #standIns: StandIns;
  readonly #ids: FunctionIds;
  readonly #references: References;
  #lastId = -1;
  #culled: number[] = [];
  #ended = false;

  constructor(options: ProtoOptions, events: ProtoEvents) {
    const { weak, proto, limits } = options;
    this.#events = events;
    this.#limits = limits;
    const make = (id: number): AnyFunction => {
      return (...args) => this.request(id, args);
    };
    this.#standIns =
      proto === undefined
        ? new WeakStandIns(make, limits.functions, (id) => {
            if (weak !== false) this.#cullLater(id);
          })
        : new WrappedStandIns(
            make,
            (fn, id) => (proto.wrap ? proto.wrap.call(this, fn, id) : fn),
            (held, id) => (proto.unwrap ? proto.unwrap.call(this, held, id) : held),
          );
    this.#local = new LocalFunctions({ nextId: () => ++this.#lastId }, options.given);
    this.#ids = {
      mention: (fn, fresh, path) => this.#local.mention(fn, fresh, path),
      // dnode does not know its own functions when they come back.
      own: () => undefined,
      exposed: (value) => this.#methods.exposed(value),
      later: standsFor,
    };
    this.#references = {
      reference: (id) => this.#standIns.get(id),
      ours: (id) => {
        throw new DserviceError('ERR_REFERENCE', `${id} is no function of this connection`);
      },
    };
  }

  /** Tells the peer what is offered to it: at the beginning, and again whenever that has changed. */
  start(): void {
    this.request('methods', [this.instance]);
  }

  /** Calls a method by name, or a function of the peer's by id. Throws ERR_DATA for what JSON cannot hold. */
  request(method: string | number, args: readonly unknown[]): void {
    if (this.#ended) return;
    const encoded = encode(args, this.#ids, {
      extended: false,
      plainJson,
      stacks: false,
      limits: sendable,
    });
    this.#events.request(ascii(`{"method":${JSON.stringify(method)},"arguments":${encoded}}`));
  }

  /** Tells the peer that its function is not held here any more. */
  cull(id: number): void {
    this.#standIns.drop(id);
    this.request('cull', [id]);
  }

  /** Takes one message of the peer's. */
  handle(message: unknown): void {
    if (this.#ended) return;
    try {
      this.#handle(message);
    } catch (error) {
      // Only the decoder and our own checks throw errors of this class; a program's come as they are.
      if (DserviceError.is(error)) this.#events.fail(error);
      else this.#events.error(error);
    }
  }

  #handle(message: unknown): void {
    if (!isRecord(message)) throw new DserviceError('ERR_MALFORMED', 'a message is not an object');
    const args = decode(message satisfies Message, this.#references, {
      extended: false,
      limits: this.#limits,
    });
    const { method } = message;
    if (method === 'methods') this.#onMethods(args[0]);
    else if (method === 'cull') this.#onCull(args);
    else if (typeof method === 'string') this.#onName(method, args);
    else if (typeof method === 'number') this.#onNumber(method, args);
    else if (message.control === undefined) {
      throw new DserviceError('ERR_MALFORMED', 'a message has no method');
    }
  }

  #onMethods(methods: unknown): void {
    for (const key of Object.keys(this.remote)) delete this.remote[key];
    if (typeof methods === 'object' && methods !== null) {
      for (const [key, value] of Object.entries(methods)) {
        // Set like any other key, this one would replace the prototype.
        if (key !== '__proto__') this.remote[key] = value;
      }
    }
    this.#events.remote(this.remote);
  }

  #onCull(ids: unknown[]): void {
    for (const given of ids) {
      const id = readId(given);
      if (id !== undefined) this.#local.cull(id);
    }
  }

  #onName(name: string, args: unknown[]): void {
    let fn: AnyFunction | undefined;
    try {
      fn = this.#methods.named(this.instance, name);
    } catch (error) {
      return this.#events.error(error);
    }
    if (fn !== undefined) return this.#run(fn, args);
    const method = name.slice(0, 64);
    throw new DserviceError('ERR_METHOD', `there is no method "${method}"`, { method });
  }

  #onNumber(id: number, args: unknown[]): void {
    const local = this.#local.get(id);
    if (local !== undefined) return this.#run(local.fn, args);
    throw new DserviceError('ERR_METHOD', `there is no function ${id}`);
  }

  #run(fn: AnyFunction, args: unknown[]): void {
    try {
      const returned = Reflect.apply(fn, undefined, args);
      // Nobody waits for what a handler returns; but a promise that rejects would end the process.
      if (types.isPromise(returned)) returned.catch((error: unknown) => this.#events.error(error));
    } catch (error) {
      this.#events.error(error);
    }
  }

  /** Those that are collected together are told together. */
  #cullLater(id: number): void {
    if (this.#culled.push(id) > 1) return;
    // A process that has nothing else to do need not wait for it.
    setImmediate(() => {
      const ids = this.#culled;
      this.#culled = [];
      this.request('cull', ids);
    }).unref();
  }

  /** Sends and handles nothing any more. */
  end(): void {
    this.#ended = true;
    this.#local.clear();
  }
}
