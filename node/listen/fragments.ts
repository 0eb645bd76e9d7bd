import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import type { Clock } from '../../src/clock.js';
import type { DserviceError } from '../../src/errors.js';
import type { Budget, Keeper } from '../../src/protocol/budget.js';
import { Stall, type StallHost } from '../../src/protocol/stall.js';

/** What `ws` knows of a message that is not whole, and does not tell: bytes not read yet, and those that its frames said. */
interface Receiver {
  readonly _bufferedBytes?: number;
  readonly _totalPayloadLength?: number;
}

/** Of a message so much is not counted: most come in one piece. */
const small = 64 * 1024;
/** The close code of who does not keep to the rules (RFC 6455 §7.4.1). */
const policy = 1008;

export interface FragmentsOptions {
  readonly clock: Clock;
  readonly limits: { readonly stall: number };
  readonly budget: Budget;
}

/** Nothing is sent here. */
const quiet = { buffered: 0 };

/** Under which a WebSocket, and its socket, have who watches over it. */
const watch = Symbol('what watches over its fragments');

interface Watched {
  [watch]?: Fragments;
}

/**
 * Watches over messages of a WebSocket while they are not whole. `ws` keeps what has come of them, where no
 * session sees it: it counts among what a server keeps (`buffered`), and has to go on (`stall`).
 */
export function watchFragments(
  ws: WebSocket & Watched,
  socket: Socket & Watched,
  options: FragmentsOptions,
): void {
  ws[watch] = socket[watch] = new Fragments(ws, options);
  // After `ws` has read them: it listened before.
  socket.on('data', onData);
  ws.on('message', onWhole);
  for (const event of ['ping', 'pong']) ws.on(event, onBetween);
  for (const event of ['pause', 'resume']) socket.on(event, onHalt);
  ws.on('close', onClose);
}

/** A class, and functions that all share, since there is one for each connection. */
class Fragments implements Keeper, StallHost {
  readonly #ws: WebSocket;
  readonly #options: FragmentsOptions;
  /** Made for the first message that comes in more than one piece. */
  #stall: Stall | undefined;
  /** Bytes that have come since the last message, and those of them that are counted. */
  #since = 0;
  #counted = 0;
  /** How far the message had come that was not whole. */
  #last = 0;
  #messages = 0;
  halts = 0;
  #over = false;

  constructor(ws: WebSocket, options: FragmentsOptions) {
    this.#ws = ws;
    this.#options = options;
  }

  get halted(): boolean {
    return this.#ws.isPaused;
  }

  get clock(): Clock {
    return this.#options.clock;
  }

  get limits(): FragmentsOptions['limits'] {
    return this.#options.limits;
  }

  get intake(): { readonly unfinished: number | undefined } {
    return this;
  }

  get channel(): { readonly buffered: number } {
    return quiet;
  }

  get unfinished(): number | undefined {
    return this.#reached > 0 ? this.#messages : undefined;
  }

  /** How far the message has come that is not whole; 0, where there is none. */
  get #reached(): number {
    return (this.#receiver?._bufferedBytes ?? 0) + this.#begun;
  }

  /** Bytes that the frames of an unfinished message have said. */
  get #begun(): number {
    return this.#receiver?._totalPayloadLength ?? 0;
  }

  get #receiver(): Receiver | undefined {
    return (this.#ws as unknown as { readonly _receiver?: Receiver })._receiver;
  }

  evict({ message }: DserviceError): void {
    this.onStalled(message);
  }

  onStalled(why: string): void {
    const ws = this.#ws;
    // At once: nobody else has to go for what this one kept.
    this.#over = true;
    this.#give();
    ws.close(policy, why.slice(0, 120));
    // Its answer would be read behind what it does not send.
    setImmediate(() => ws.terminate());
  }

  read(bytes: number): void {
    const now = this.#reached;
    // Frames without anything in them are no progress.
    if (now > 0 || this.#stall !== undefined) this.#stalls.read(Math.max(0, now - this.#last));
    this.#last = now;
    this.#since = now > 0 ? this.#since + bytes : 0;
    if (this.#since <= small || this.#over) return;
    try {
      this.#options.budget.take(bytes, this);
      this.#counted += bytes;
    } catch (error) {
      // Only the budget throws here.
      this.evict(error as DserviceError);
    }
  }

  get #stalls(): Stall {
    return (this.#stall ??= new Stall(this));
  }

  whole(): void {
    this.#messages++;
    this.#since = 0;
    this.#give();
  }

  /** A ping or pong has come: also in the middle of a message, of which it changes nothing. */
  between(): void {
    if (this.#begun === 0) this.whole();
  }

  #give(): void {
    if (this.#counted > 0) this.#options.budget.give(this.#counted, this, true);
    this.#counted = 0;
  }

  end(): void {
    this.whole();
    this.#stall?.stop();
  }
}

function onData(this: Watched, chunk: Buffer): void {
  this[watch]?.read(chunk.length);
}

function onWhole(this: WebSocket & Watched): void {
  this[watch]?.whole();
}

function onBetween(this: WebSocket & Watched): void {
  this[watch]?.between();
}

function onHalt(this: Watched): void {
  if (this[watch] !== undefined) this[watch].halts++;
}

function onClose(this: WebSocket & Watched): void {
  this[watch]?.end();
}
