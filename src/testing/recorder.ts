import type { Channel, ChannelHandlers } from '../channel/channel.js';
import { settle } from './settle.js';

const newline = 10;
const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** Opens a channel and keeps what its handlers are told, for tests to wait for and to look at. */
export class Recorder implements ChannelHandlers {
  readonly channel: Channel;
  /** Whole lines, without their newlines. */
  readonly lines: string[] = [];
  /** What followed lines that say so: `"bin":[3,0]`. Only of a channel that is binary. */
  readonly attached: Uint8Array[] = [];
  /** What `close` was told, each time. */
  readonly closes: (Error | undefined)[] = [];
  drains = 0;
  /** What the port does not allow, in words. */
  readonly faults: string[] = [];
  /** Called for everything received, after it was kept. */
  onReceive: (() => void) | undefined;
  /** Bytes that are no line yet. */
  readonly #parts: Uint8Array[] = [];
  /** Lengths of bytes that are still to come, and what has come of the first. */
  #lacking: number[] = [];
  #opened = false;
  #busy = 0;
  readonly #waiters = new Set<() => void>();

  constructor(channel: Channel, open = true) {
    this.channel = channel;
    if (open) this.open();
  }

  open(): this {
    this.channel.open(this);
    this.#opened = true;
    return this;
  }

  /** Calls a function of the channel, in which `close` must not be told. */
  call<T>(fn: (channel: Channel) => T): T {
    this.#busy += 1;
    try {
      return fn(this.channel);
    } finally {
      this.#busy -= 1;
    }
  }

  receive(data: Uint8Array | string): void {
    this.#check('receive');
    const framed = this.channel.framing === 'messages';
    if (data.length === 0 && framed) this.faults.push('an empty message');
    if (framed && (typeof data === 'string') !== (this.#lacking.length === 0)) {
      this.faults.push(
        typeof data === 'string' ? 'text among bytes' : 'bytes in the place of text',
      );
    }
    const bytes = typeof data === 'string' ? encoder.encode(data) : data;
    this.#take(bytes);
    // Of a message the last newline may be missing.
    if (typeof data === 'string' && this.#parts.length > 0) this.#take(Uint8Array.of(newline));
    this.onReceive?.();
    this.#wake();
  }

  #take(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length;) {
      const [length] = this.#lacking;
      const had = this.#parts.reduce((sum, part) => sum + part.length, 0);
      const found = length === undefined ? bytes.indexOf(newline, at) : at + length - had;
      const whole = found !== -1 && found <= bytes.length;
      // The channel may use its buffer again.
      this.#parts.push(bytes.slice(at, whole ? found : bytes.length));
      if (!whole) return;
      at = found;
      if (length === undefined) {
        at += 1;
        this.#line(decoder.decode(joined(this.#parts.splice(0))));
      } else {
        this.attached.push(joined(this.#parts.splice(0)));
        this.#lacking.shift();
      }
      this.#empty();
    }
  }

  #line(line: string): void {
    this.lines.push(line);
    const lengths = this.channel.binary === true ? /"bin":\[([\d,]+)\]/.exec(line)?.[1] : undefined;
    if (lengths !== undefined) this.#lacking = lengths.split(',').map(Number);
  }

  /** Those of no bytes are here at once. */
  #empty(): void {
    while (this.#lacking[0] === 0) {
      this.#lacking.shift();
      this.attached.push(new Uint8Array(0));
    }
  }

  drain(): void {
    this.#check('drain');
    this.drains += 1;
    this.#wake();
  }

  close(error?: Error): void {
    this.#check('close');
    if (this.#busy > 0) this.faults.push('close told synchronously');
    this.closes.push(error);
    this.#wake();
  }

  /** Resolves once `condition` holds, looking each time something is told. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      await new Promise<void>((resolve) => {
        const wake = (): void => {
          this.#waiters.delete(wake);
          resolve();
        };
        this.#waiters.add(wake);
      });
    }
  }

  async closed(): Promise<void> {
    await this.until(() => this.closes.length > 0);
  }

  #check(what: string): void {
    if (!this.#opened) this.faults.push(`${what} told before open returned`);
    if (this.closes.length > 0) this.faults.push(`${what} told after close`);
  }

  #wake(): void {
    for (const wake of [...this.#waiters]) wake();
  }
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Lets everything that is ready run, `count` times. */
export async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i += 1) {
    await settle();
  }
}
