import type { Channel, ChannelPeer } from '../channel/channel.js';
import { channelOver, type Feed } from '../channel/transport.js';
import type { Clock } from '../clock.js';
import type { Limits } from '../limits.js';
import type { Answer, Exchange, Outlet } from '../service/engine.js';
import { unread } from './body.js';

/** Unread characters of a stream at which its writer waits. */
const window = 128 * 1024;
/** Milliseconds after which something is said, so that no proxy takes a stream for dead. */
const quiet = 15_000;

/** The event that says that no more comes: without it, the end of a stream is a loss. */
const endEvent = 'event: end\ndata:\n\n';

export interface EventChannelsOptions {
  readonly clock: Clock;
  readonly limits: Limits;
  readonly onChannel: (channel: Channel) => void;
}

/**
 * Channels that come by a stream of events (GET), and go by POSTs, one after the other: `/dnode/<id>?n=…`. The id
 * is 128 random bits; whoever knows it, and has the same Origin, is who opened the stream.
 */
export class EventChannels {
  readonly #options: EventChannelsOptions;
  readonly #streams = new Map<string, EventStream>();
  #closed = false;
  /** Told when the last of them is over. */
  #through = (): void => {};

  constructor(options: EventChannelsOptions) {
    this.#options = options;
  }

  /** Opens a stream. */
  open(exchange: Exchange, headers: Record<string, string>): Answer {
    const { limits } = this.#options;
    if (this.#closed || this.#streams.size >= limits.sessions) return { status: 503, headers };
    const id = newId();
    const stream = new EventStream(exchange.peer, this.#options, () => {
      this.#streams.delete(id);
      if (this.#streams.size === 0) this.#through();
    });
    this.#streams.set(id, stream);
    exchange.onGone(() => stream.lost());
    return {
      ...{ status: 200, headers: { ...headers, 'X-Accel-Buffering': 'no' } },
      stream: [
        'text/event-stream',
        (outlet) => {
          stream.begin(outlet, `event: open\ndata: ${id}\n\n`);
          return () => stream.drained();
        },
      ],
    };
  }

  /**
   * Opens no more, and ends those to which nobody has posted: they have no session that would. With `time` ms, the
   * others go on: resolves when they are over, or time is up. Undefined where nobody is waited for.
   */
  close(time = 0): Promise<void> | undefined {
    this.#closed = true;
    for (const stream of this.#streams.values()) stream.endUnused();
    if (time === 0 || this.#streams.size === 0) return undefined;
    return new Promise((resolve) => {
      const stop = this.#options.clock.after(time, resolve);
      this.#through = () => {
        stop();
        resolve();
      };
    });
  }

  /** Takes what goes the other way. */
  async post(exchange: Exchange, headers: Record<string, string>): Promise<Answer | undefined> {
    const [, id = '', query = ''] = /^\/dnode\/(\w+)\?(.*)$/.exec(exchange.url) ?? [];
    const given = new URLSearchParams(query);
    const stream = this.#streams.get(id);
    let text: string;
    try {
      text = await exchange.text();
    } catch (error) {
      return { status: unread(error)[0], headers };
    }
    const n = Number(given.get('n') ?? Number.NaN);
    const status = (await stream?.take(exchange.peer, n, text, given.has('end'))) ?? 404;
    return { status, headers };
  }
}

/** One channel: it is there from the first POST on, which tells whose it is. */
class EventStream {
  readonly #peer: ChannelPeer;
  readonly #options: EventChannelsOptions;
  readonly #forget: () => void;
  #outlet: Outlet | undefined;
  #feed: Feed | undefined;
  /** The Origin of who posts. */
  #origin: string | undefined;
  /** The number of the next POST, and what tells that the one before was read. */
  #next = 0;
  #read: (() => void) | undefined;
  #said = false;
  #over = false;
  #stopTimer: (() => void) | undefined;

  constructor(peer: ChannelPeer, options: EventChannelsOptions, forget: () => void) {
    this.#peer = peer;
    this.#options = options;
    this.#forget = forget;
  }

  begin(outlet: Outlet, first: string): void {
    this.#outlet = outlet;
    outlet.write(first);
    const { clock, limits } = this.#options;
    this.#stopTimer = clock.after(limits.handshake, () => this.#tooLate(), true);
  }

  #tooLate(): void {
    this.#stop();
    this.#outlet?.destroy();
  }

  endUnused(): void {
    if (this.#next === 0) this.#tooLate();
  }

  #watch(): void {
    this.#stopTimer?.();
    const { clock } = this.#options;
    this.#stopTimer = clock.after(
      quiet,
      () => {
        this.#outlet?.write(':\n\n');
        this.#watch();
      },
      true,
    );
  }

  /** Takes one POST; resolves with its status, when it was read: until then no other comes. */
  async take(peer: ChannelPeer, n: number, lines: string, last: boolean): Promise<number> {
    if (this.#over || this.#outlet === undefined) return 404;
    if (this.#next > 0 ? peer.origin !== this.#origin : !this.#isSame(peer)) return 404;
    // A proxy may have sent it twice: it was taken.
    if (n === this.#next - 1 && this.#read === undefined) return 204;
    if (n !== this.#next || this.#read !== undefined) return 409;
    this.#next++;
    const feed = (this.#feed ??= this.#start(peer));
    if (lines !== '') {
      await new Promise<void>((resolve) => {
        this.#read = resolve;
        feed.push(lines);
      });
      this.#read = undefined;
    }
    if (last) {
      feed.ended();
      this.#end();
    }
    return 204;
  }

  /** A page's GET to its own origin has no Origin; its POST has. */
  #isSame({ origin }: ChannelPeer): boolean {
    return this.#peer.origin === undefined || this.#peer.origin === origin;
  }

  #start(peer: ChannelPeer): Feed {
    const { onChannel, clock } = this.#options;
    this.#origin = peer.origin;
    this.#watch();
    const { channel, feed } = channelOver(
      {
        framing: 'messages',
        peer,
        send: (data) => this.#write(`data: ${data.trimEnd().replaceAll('\n', '\ndata: ')}\n\n`),
        buffered: () => this.#outlet?.buffered ?? 0,
        taken: () => this.#read?.(),
        end: () => this.#sayEnd(),
        abort: () => {
          this.#stop();
          this.#outlet?.destroy();
        },
      },
      window,
      clock,
    );
    this.#feed = feed;
    onChannel(channel);
    return feed;
  }

  #write(text: string): void {
    if (!this.#over) this.#outlet?.write(text);
  }

  #sayEnd(): void {
    if (!this.#said) this.#write(endEvent);
    this.#said = true;
  }

  /** Both have said that no more comes. */
  #end(): void {
    this.#sayEnd();
    this.#stop();
    this.#outlet?.end();
  }

  drained(): void {
    this.#feed?.drained();
  }

  lost(): void {
    if (this.#over) return;
    this.#stop();
    this.#feed?.ended(new Error('the stream of events was lost'));
  }

  #stop(): void {
    this.#over = true;
    this.#stopTimer?.();
    this.#forget();
    this.#read?.();
  }
}

/** 128 random bits, as 32 hex digits. */
function newId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
