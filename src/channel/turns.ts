import type { Clock } from '../clock.js';
import type { Attachments, Channel, ChannelHandlers, ChannelPeer } from './channel.js';

/** Of text that is longer, so much is read in a turn: whole lines. */
const share = 64 * 1024;

/** ms: what takes more is dear; for so long after it, what is long waits for turns; the longest rest. */
const dear = 2;
const dearFor = 1_000;
const longestRest = 100;
/**
 * A collection of garbage, or another process, takes as long now and then, from whoever is read: what took less ms than
 * this is forgiven, where nothing else took long among so many long pieces before it.
 */
const surely = 20;
const pieces = 8;

/** What may be dear, when its turn has come. */
export interface Waiter {
  turn(): void;
  /** Until then, whatever is long of it waits for its turn: it took long. Kept by `Turns`. */
  dearUntil?: number | undefined;
  /** Long pieces in which what takes long is not forgiven. */
  suspect?: number | undefined;
}

/**
 * How those who are read in one event loop share it (docs/decisions/turns.md): what is long of those who took long
 * is read one in a turn, and after it there is a rest for those who send little.
 */
export class Turns {
  /** Pieces of more bytes or characters may be dear to read; what is shorter is not looked at. */
  readonly long: number;
  readonly #clock: Clock;
  readonly #queue: Waiter[] = [];
  /** A turn was asked for, or what ran in it is not through. */
  #running = false;
  #restUntil = -Infinity;
  /** Somebody was read who sends little, since the last turn. */
  others = false;

  constructor(clock: Clock, long = 16 * 1024) {
    this.#clock = clock;
    this.long = long;
  }

  /** The same channel, whose pieces take turns with those of the others. */
  over(channel: Channel): Channel {
    return new TurnChannel(channel, this);
  }

  /** Whether what is long of it has to wait for its turn. */
  isDear({ dearUntil }: Waiter): boolean {
    return dearUntil !== undefined && this.#clock.now() < dearUntil;
  }

  /** Gives it a turn of the event loop, after those who wait. */
  add(waiter: Waiter): void {
    this.#queue.push(waiter);
    if (this.#running) return;
    this.#running = true;
    this.#clock.defer(this.#next);
  }

  /** Runs what may be dear, and sees how long it takes, with the microtasks that it leaves. */
  run(waiter: Waiter, fn: () => void, then?: () => void): void {
    const began = this.#clock.now();
    const suspect = waiter.suspect ?? 0;
    if (suspect > 0) waiter.suspect = suspect - 1;
    fn();
    const judged = this.#judge(waiter, began, suspect);
    queueMicrotask(() =>
      this.#clock.endOfTurn(() => {
        this.#judge(waiter, began, suspect, judged);
        then?.();
      }),
    );
  }

  /** Whether it took long; `judged`: it was seen already that it did. */
  #judge(waiter: Waiter, began: number, suspect: number, judged = false): boolean {
    const now = this.#clock.now();
    const took = now - began;
    if (took <= (judged ? surely : dear)) return judged;
    waiter.suspect = pieces;
    if (took <= surely && suspect === 0) return true;
    waiter.dearUntil = now + dearFor;
    this.#restUntil = now + Math.min(took / 4, longestRest);
    return true;
  }

  readonly #next = (): void => {
    const rest = this.#restUntil - this.#clock.now();
    if (this.others && rest > 0) {
      this.#clock.after(rest, this.#next);
      return;
    }
    this.others = false;
    const waiter = this.#queue.shift();
    if (waiter === undefined) return;
    this.run(
      waiter,
      () => waiter.turn(),
      () => {
        if (this.#queue.length > 0) this.#clock.defer(this.#next);
        else this.#running = false;
      },
    );
  };
}

type Piece = [data: Uint8Array | string, moved: readonly unknown[] | undefined];

/** A channel whose pieces take turns: what it holds back is a piece, or the rest of one, and meanwhile it is paused. */
class TurnChannel implements Channel {
  readonly #channel: Channel;
  readonly #turns: Turns;
  #reader: TurnReader | undefined;

  constructor(channel: Channel, turns: Turns) {
    this.#channel = channel;
    this.#turns = turns;
  }

  get framing(): 'bytes' | 'messages' {
    return this.#channel.framing;
  }

  get peer(): ChannelPeer {
    return this.#channel.peer;
  }

  get binary(): boolean {
    return this.#channel.binary === true;
  }

  get takes(): boolean {
    return this.#channel.takes === true;
  }

  get gives(): boolean {
    return this.#channel.gives === true;
  }

  allocate(size: number): Uint8Array<ArrayBuffer> {
    return this.#channel.allocate?.(size) ?? new Uint8Array(size);
  }

  get moves(): object | undefined {
    return this.#channel.moves;
  }

  get once(): object | undefined {
    return this.#channel.once;
  }

  get buffered(): number {
    return this.#channel.buffered;
  }

  open(handlers: ChannelHandlers): void {
    this.#reader = new TurnReader(this.#channel, this.#turns, handlers);
    this.#channel.open(this.#reader);
  }

  write(data: string, bytes?: Attachments): boolean {
    return this.#channel.write(data, bytes);
  }

  hold(keep: boolean): void {
    this.#channel.hold?.(keep);
  }

  pause(): void {
    if (this.#reader === undefined) this.#channel.pause();
    else this.#reader.pause();
  }

  resume(): void {
    if (this.#reader === undefined) this.#channel.resume();
    else this.#reader.resume();
  }

  close(): void {
    this.#reader?.leave();
    this.#channel.close();
  }

  destroy(error?: Error): void {
    this.#reader?.drop();
    this.#channel.destroy(error);
  }
}

/** What a channel brings, on its way to its owner. */
class TurnReader implements ChannelHandlers, Waiter {
  readonly #channel: Channel;
  readonly #turns: Turns;
  readonly #owner: ChannelHandlers;
  /** What waits, in order. */
  #held: Piece[] | undefined;
  #end: { readonly error: Error | undefined } | undefined;
  /** By its owner. */
  #paused = false;
  #leaving = false;
  #queued = false;
  /** Bytes since the last piece at whose end a line ended; of messages, of the last text. */
  #unfinished = 0;
  dearUntil: number | undefined;

  constructor(channel: Channel, turns: Turns, owner: ChannelHandlers) {
    this.#channel = channel;
    this.#turns = turns;
    this.#owner = owner;
  }

  receive(data: Uint8Array | string, moved?: readonly unknown[]): void {
    const length = this.#weigh(data);
    if (this.#held !== undefined) this.#held.push([this.#kept(data), moved]);
    else if (length <= this.#turns.long) {
      this.#turns.others = true;
      this.#owner.receive(data, moved);
    } else if (this.#turns.isDear(this)) this.#hold([this.#kept(data), moved]);
    else {
      const [first, rest] = cut(data);
      if (rest !== undefined) this.#hold([rest, undefined]);
      this.#turns.run(this, () => this.#owner.receive(first, moved));
    }
  }

  /** How long what becomes readable by a piece may be. */
  #weigh(data: Uint8Array | string): number {
    const { length } = data;
    if (this.#channel.framing === 'bytes') {
      const all = this.#unfinished + length;
      // In what follows a line anything may stand: then less is taken for unfinished than is.
      this.#unfinished = typeof data === 'string' || data[length - 1] === 10 ? 0 : all;
      return all;
    }
    // Bytes by themselves are copied; with the last of them their line is read.
    if (typeof data === 'string') this.#unfinished = length;
    return this.#unfinished;
  }

  drain(): void {
    this.#owner.drain();
  }

  close(error?: Error): void {
    if (this.#held === undefined) this.#owner.close(error);
    else this.#end = { error };
  }

  turn(): void {
    this.#queued = false;
    if (this.#paused || this.#held === undefined) return;
    const piece = this.#held.shift();
    if (piece !== undefined) {
      const [first, rest] = cut(piece[0]);
      if (rest !== undefined) this.#held.unshift([rest, undefined]);
      this.#owner.receive(first, piece[1]);
    }
    this.#goOn();
  }

  pause(): void {
    // As of every channel: who has closed waits for the end.
    if (this.#leaving) return;
    this.#paused = true;
    this.#channel.pause();
  }

  resume(): void {
    this.#paused = false;
    if (this.#held === undefined) this.#channel.resume();
    else this.#ask();
  }

  /** Its owner has closed it: what has arrived is still delivered. */
  leave(): void {
    this.#leaving = true;
    this.#paused = false;
    if (this.#held !== undefined) this.#ask();
  }

  /** Its owner has ended it: what waits is for nobody. */
  drop(): void {
    this.#held?.splice(0);
    this.leave();
  }

  /** A piece that outlives its delivery: its bytes are the receiver's only until that returns, unless they were given. */
  #kept(data: Uint8Array | string): Uint8Array | string {
    if (typeof data === 'string') return data;
    const given = this.#channel.gives === true && data.byteLength === data.buffer.byteLength;
    // Not by `slice`, which in Node may copy nothing.
    return given ? data : new Uint8Array(data);
  }

  #hold(piece: Piece): void {
    this.#held = [piece];
    this.#channel.pause();
    this.#ask();
  }

  #ask(): void {
    if (this.#queued) return;
    this.#queued = true;
    this.#turns.add(this);
  }

  #goOn(): void {
    if (this.#paused || this.#held === undefined) return;
    if (this.#held.length > 0) return this.#ask();
    this.#held = undefined;
    if (this.#end === undefined) this.#channel.resume();
    else this.#owner.close(this.#end.error);
  }
}

/** As much of a piece as is read in a turn, and the rest of it: whole lines of text. */
function cut(data: Uint8Array | string): [Uint8Array | string, string | undefined] {
  const end = typeof data === 'string' && data.length > share ? data.indexOf('\n', share) + 1 : 0;
  if (typeof data !== 'string' || end === 0 || end === data.length) return [data, undefined];
  return [data.slice(0, end), data.slice(end)];
}
