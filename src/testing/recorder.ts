import type { Channel, ChannelHandlers } from '../channel/channel.js';

/** Opens a channel and keeps what its handlers are told, for tests to wait for and to look at. */
export class Recorder implements ChannelHandlers {
  readonly channel: Channel;
  /** Whole lines, without their newlines. */
  readonly lines: string[] = [];
  /** What `close` was told, each time. */
  readonly closes: (Error | undefined)[] = [];
  drains = 0;
  /** What the port does not allow, in words. */
  readonly faults: string[] = [];
  /** Called for everything received, after it was kept. */
  onReceive: (() => void) | undefined;
  readonly #decoder = new TextDecoder();
  #rest = '';
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
    if (this.channel.framing === 'messages') {
      const text = typeof data === 'string' ? data : new TextDecoder().decode(data);
      if (text === '') this.faults.push('an empty message');
      this.lines.push(...(text.endsWith('\n') ? text.slice(0, -1) : text).split('\n'));
    } else {
      const text = typeof data === 'string' ? data : this.#decoder.decode(data, { stream: true });
      const parts = text.split('\n');
      parts[0] = this.#rest + (parts[0] ?? '');
      this.#rest = parts.pop() ?? '';
      this.lines.push(...parts);
    }
    this.onReceive?.();
    this.#wake();
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

/** Lets everything that is ready run, `count` times. */
export async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i += 1) {
    await new Promise<void>((resolve) => {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => {
        port1.close();
        resolve();
      };
      port2.postMessage(null);
    });
  }
}
