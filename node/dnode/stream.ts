import type { Socket } from 'node:net';
import { Stream } from 'node:stream';
import { types } from 'node:util';
import { DserviceError } from '../../src/errors.js';
import { defaultLimits, type Limits } from '../../src/limits.js';
import type { Budget } from '../../src/protocol/budget.js';
import { LineReader } from '../../src/protocol/lines.js';
import { isShallow, scan } from '../../src/protocol/measure.js';
import { nodeClock } from '../clock.js';
import { construct } from './construct.js';
import { Outlet } from './outlet.js';
import { isLost, pipe } from './pipe.js';
import { Proto } from './proto.js';
import type { DnodeOptions } from './options.js';

/** A line with more characters is measured before it is parsed. */
const longLine = 64 * 1024;
/** A shorter line holds no brackets beyond the usual depth. */
const shortLine = 130;

/** How the connections of one server differ from those that a program makes by itself. */
export interface Accepted {
  /** What they may keep of unfinished lines, together. */
  readonly budget: Budget;
}

type Listener = (...args: unknown[]) => unknown;

/**
 * One connection that speaks dnode, as an old-style stream: it begins to say so at the end of the turn
 * in which it was made, and emits `data` whether or not anybody listens.
 *
 * Nothing that a peer sends, and nothing that a listener or a handler throws at it, leaves here as an
 * exception: the first is a `fail`, the second an `error`.
 */
export class DnodeStream extends Stream {
  readable = true;
  writable = true;
  readonly opts: DnodeOptions;
  readonly cons: unknown;
  proto: Proto | undefined;
  id: string | undefined;
  stream: Socket | undefined;
  readonly #limits: Limits;
  readonly #given: number;
  readonly #lines: LineReader;
  readonly #outlet: Outlet;
  /** Messages that came before there was a protocol. */
  #early: unknown[] = [];
  /** Half a character, from a piece of text that ended in it. */
  #half = '';
  #ended = false;
  #faulty = false;
  /** Listeners that other streams have put on `error`. */
  readonly #foreign = new WeakSet<object>();
  readonly #destinations = new Set<NodeJS.WritableStream>();

  constructor(cons?: unknown, opts?: DnodeOptions | null, accepted?: Accepted) {
    super();
    this.cons = cons;
    this.opts = opts ?? {};
    const { limits } = this.opts;
    this.#limits = { ...defaultLimits, ...limits };
    // A peer that never culls must not end a program that only calls. One that was let in is another matter.
    const bounded = accepted !== undefined || limits?.functions !== undefined;
    this.#given = bounded ? this.#limits.functions : Infinity;
    this.#lines = new LineReader(
      this.#limits.line,
      { read: (line) => this.#line(line), evict: (error) => this.#cut(error) },
      (bytes) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8'),
      accepted?.budget,
    );
    this.#outlet = new Outlet({
      clock: nodeClock,
      limits: this.#limits,
      emit: (line) => this.#emitData(line),
      drain: () => this.#tell('drain'),
      overflow: (unsent) =>
        this.#cut(
          new DserviceError('ERR_LIMIT', `the peer does not read: ${unsent} bytes are unsent`),
        ),
    });
    this.on('pipe', (source: NodeJS.ReadableStream) => this.#follow(source));
    process.nextTick(() => this.#start());
  }

  write(chunk: unknown, ...rest: unknown[]): boolean {
    // After the end, what comes is let go by: held back, it would keep the connection from closing.
    if (this.#ended) return true;
    if (chunk instanceof Uint8Array || typeof chunk !== 'object' || chunk === null) {
      this.#push(chunk instanceof Uint8Array ? chunk : String(chunk));
    } else if (isShallow(chunk, this.#limits.depth + 2)) {
      this.handle(chunk);
    } else this.#fail(this.#tooDeep());
    const done = rest.at(-1);
    if (typeof done === 'function') process.nextTick(done);
    return this.#outlet.open;
  }

  handle(message: unknown): void {
    if (this.#ended) return;
    if (this.proto === undefined) this.#early.push(message);
    else this.proto.handle(message);
  }

  end(chunk?: unknown): this {
    if (this.#ended) return this;
    if (chunk !== undefined && typeof chunk !== 'function') this.write(chunk);
    this.#outlet.flush();
    this.#ended = true;
    this.readable = false;
    this.writable = false;
    this.#lines.stop();
    this.proto?.end();
    this.#tell('end');
    return this;
  }

  destroy(): this {
    return this.end();
  }

  pause(): this {
    this.#outlet.pause();
    return this;
  }

  resume(): this {
    this.#outlet.resume();
    return this;
  }

  override pipe<T extends NodeJS.WritableStream>(destination: T, options?: { end?: boolean }): T {
    this.#destinations.add(destination);
    destination.once('close', () => this.#destinations.delete(destination));
    const stdio = '_isStdio' in destination && destination._isStdio === true;
    return pipe(this, destination, !stdio && options?.end !== false);
  }

  /** Streams that lead here do so: what they put on `error` would take this one off them. */
  override prependListener(event: string | symbol, listener: Listener): this {
    if (event === 'error') this.#foreign.add(listener);
    return super.prependListener(event, listener);
  }

  /** The connection broke. `end` tells of it; only who asks for errors hears that it was one. */
  lose(error: NodeJS.ErrnoException): void {
    // A peer that does not wait for the rest is none.
    if (error.code === 'EPIPE') return;
    if (!isLost(error) || this.#errorListeners().length > 0) this.#fault(error);
  }

  #start(): void {
    if (this.#ended) return;
    const { weak, proto: holder } = this.opts;
    const proto = new Proto(
      { weak, proto: holder, limits: this.#limits, given: this.#given },
      {
        request: (line) => {
          if (this.readable) this.#outlet.push(line);
        },
        remote: (remote) => {
          this.#tell('remote', remote, this);
          this.#tell('ready');
        },
        fail: (error) => this.#fail(error),
        error: (error) => this.#fault(error),
      },
    );
    try {
      const local = construct(this.cons, proto.remote, this);
      proto.instance = local;
      this.#tell('local', local, this);
      // Ended by now, it has nothing to say.
      if (this.#isEnded()) return;
      this.proto = proto;
      proto.start();
    } catch (error) {
      // Nothing can be offered, so there is nothing to wait for either.
      this.#fault(error);
      this.end();
    }
    const early = this.#early;
    this.#early = [];
    for (const message of early) this.handle(message);
  }

  /** Asked anew, since listeners may have ended it. */
  #isEnded(): boolean {
    return this.#ended;
  }

  #push(data: Uint8Array | string): void {
    try {
      this.#lines.push(typeof data === 'string' ? this.#bytes(data) : data);
    } catch (error) {
      // Only the reader itself throws, for a line that is too long.
      this.#cut(DserviceError.is(error) ? error : new DserviceError('ERR_LIMIT', String(error)));
    }
  }

  /** Text may be cut anywhere, also within a line; its two halves of a character are put together. */
  #bytes(text: string): Uint8Array {
    const whole = this.#half + text;
    const last = whole.charCodeAt(whole.length - 1);
    const cut = last >= 0xd800 && last <= 0xdbff ? whole.length - 1 : whole.length;
    this.#half = whole.slice(cut);
    return Buffer.from(whole.slice(0, cut), 'utf8');
  }

  #line(line: string): void {
    if (this.#ended) return;
    const { depth, nodes } = this.#limits;
    if (line.length > longLine) {
      const found = scan(line);
      if (found.depth > depth + 2) return this.#fail(this.#tooDeep());
      if (found.nodes > nodes) {
        const text = `a message has more than ${nodes} values`;
        return this.#fail(new DserviceError('ERR_LIMIT', text));
      }
    }
    let message: unknown;
    try {
      message = JSON.parse(line);
    } catch {
      if (line.trim() === '') return;
      this.#fail(new DserviceError('ERR_MALFORMED', 'a line is not JSON'));
      this.end();
      return;
    }
    // The message and its arguments are two levels by themselves.
    if (line.length > shortLine && !isShallow(message, depth + 2)) this.#fail(this.#tooDeep());
    else this.handle(message);
  }

  #tooDeep(): DserviceError {
    return new DserviceError('ERR_LIMIT', `a message is nested deeper than ${this.#limits.depth}`);
  }

  #emitData(line: string): void {
    try {
      // Parsed from what would be sent, so that nobody gets hold of the caller's objects.
      this.emit('data', this.opts.emit === 'object' ? JSON.parse(line) : `${line}\n`);
    } catch (error) {
      this.#fault(error);
    }
  }

  /** A source that is cut off does not say `end`; without it, nobody here would learn. */
  #follow(source: NodeJS.ReadableStream): void {
    // Whoever made the socket of this one knows better what its end means.
    if (source === (this.stream as unknown)) return;
    let finished = false;
    source.once('end', () => (finished = true));
    source.once('close', () => {
      if (!finished) this.end();
    });
  }

  #fail(error: DserviceError): void {
    this.#tell('fail', error);
  }

  /** Ends at once: what the peer does with the connection is not waited for. */
  #cut(error: DserviceError): void {
    if (this.#ended) return;
    this.#outlet.clear();
    this.#fail(error);
    this.end();
    for (const destination of this.#destinations) {
      if ('destroy' in destination && typeof destination.destroy === 'function') {
        Reflect.apply(destination.destroy, destination, []);
      }
    }
  }

  /** Emits, and lets no listener stop the others, or whoever delivers the peer's bytes. */
  #tell(event: string, ...args: unknown[]): void {
    // The types of Node call listeners `Function`.
    for (const listener of this.rawListeners(event) as Listener[]) this.#call(listener, args);
  }

  #call(listener: Listener, args: unknown[]): void {
    try {
      const returned = Reflect.apply(listener, this, args);
      if (types.isPromise(returned)) returned.catch((error: unknown) => this.#fault(error));
    } catch (error) {
      this.#fault(error);
    }
  }

  /**
   * Code of this side's has thrown. dnode emits an `error`, which ends the process if nobody listens: then
   * any peer that finds an argument a handler does not expect could end it. So it is printed instead, the
   * first time on each connection: a peer must not be able to fill the log either.
   */
  #fault(error: unknown): void {
    const listeners = this.#errorListeners();
    if (listeners.length > 0) {
      for (const listener of listeners) {
        try {
          Reflect.apply(listener, this, [error]);
        } catch (thrown) {
          this.#print(thrown);
        }
      }
    } else this.#print(error);
  }

  #errorListeners(): Listener[] {
    const all = this.rawListeners('error') as Listener[];
    return all.filter((listener) => !this.#foreign.has(listener));
  }

  #print(error: unknown): void {
    if (this.#faulty) return;
    this.#faulty = true;
    // As an EventEmitter without a listener for `error` would, but that the program goes on: there is no logger here.
    // oxlint-disable-next-line no-console
    console.error('dnode: a handler or listener failed, and nobody listens for `error`:', error);
  }
}
