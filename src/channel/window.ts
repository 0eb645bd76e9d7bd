import { systemClock, type Clock } from '../clock.js';
import { DserviceError, type ErrorCode } from '../errors.js';
import type { Channel } from './channel.js';
import { checkOrigin, handshake, makeNonce, nonceOf } from './handshake.js';
import { messagePortChannel } from './message-port.js';
import { channelOver } from './transport.js';

/** What a port can be posted to: a window of any origin, a service worker. */
export interface WindowLike {
  postMessage(message: unknown, options: { targetOrigin: string; transfer: Transferable[] }): void;
  /** Of a window: whether it is gone. */
  readonly closed?: boolean;
}

export interface WindowChannelOptions {
  clock?: Clock;
  /** Milliseconds until it gives up, with ERR_TIMEOUT; 30,000. */
  timeout?: number;
  /** Unread characters at which `write` returns false. */
  window?: number;
}

type Bytes = readonly Uint8Array<ArrayBuffer>[];

const sizeOf = ({ data, bytes = [] }: { data: string; bytes: Bytes | undefined }): number =>
  bytes.reduce((sum, { length }) => sum + length, data.length);

/** Milliseconds between attempts: at first, at most, and between looks at whether the window is there. */
const soonest = 50;
const latest = 1_000;

/**
 * A channel to whoever serves in a window of exactly this origin, which may still be loading: it asks
 * until it is answered. Ends with ERR_TIMEOUT, or ERR_CONNECT once the window is gone. Throws ERR_OPTION.
 */
export function windowChannel(
  target: WindowLike | null,
  origin: string,
  options: WindowChannelOptions = {},
): Channel {
  checkOrigin(origin);
  if (target === null) {
    const text = `there is no window of ${origin}: an iframe has one once it is in the document`;
    throw new DserviceError('ERR_OPTION', text);
  }
  const { clock = systemClock, timeout = 30_000, window = 256 * 1024 } = options;
  const nonce = makeNonce();
  const due = clock.now() + timeout;
  const asking = new Set<MessagePort>();
  let early: { data: string; bytes: Bytes | undefined }[] = [];
  let inner: Channel | undefined;
  let paused = true;
  let leaving = false;
  let stopTimer: (() => void) | undefined;

  const stop = (): void => {
    stopTimer?.();
    for (const port of asking) {
      // To whoever has just answered: a port ends without a word.
      port.postMessage({ dservice: 'close' });
      port.close();
    }
    asking.clear();
  };
  const fail = (code: ErrorCode, text: string, cause?: unknown): void => {
    stop();
    feed.ended(new DserviceError(code, text, { cause }));
  };
  const answered = (port: MessagePort): void => {
    port.onmessage = null;
    asking.delete(port);
    stop();
    inner = messagePortChannel(port, { clock, window });
    inner.open({
      receive: (data, moved) => feed.push(data, moved),
      drain: () => feed.drained(),
      close(error) {
        stop();
        feed.ended(error);
      },
    });
    if (paused) inner.pause();
    for (const { data, bytes } of early) inner.write(data, bytes);
    early = [];
    if (leaving) inner.close();
    watch();
  };
  // What stands behind a port may vanish without a word.
  const watch = (): void => {
    stopTimer = clock.after(
      latest,
      () => {
        if (target.closed) inner?.destroy();
        else watch();
      },
      true,
    );
  };
  const ask = (wait: number): void => {
    const left = due - clock.now();
    if (target.closed) return fail('ERR_CONNECT', `the window of ${origin} is gone`);
    if (left <= 0) return fail('ERR_TIMEOUT', `no window of ${origin} answered in ${timeout} ms`);
    // A port that was posted to a page that does not listen, or of another origin, is lost.
    const { port1, port2 } = new MessageChannel();
    asking.add(port1);
    port1.onmessage = ({ data }) => {
      if (nonceOf('connected', data) === nonce) answered(port1);
    };
    try {
      target.postMessage(handshake('connect', nonce), {
        targetOrigin: origin,
        transfer: [port2],
      });
    } catch (error) {
      return fail('ERR_CONNECT', `the window of ${origin} takes no messages`, error);
    }
    stopTimer = clock.after(Math.min(wait, left), () => ask(Math.min(2 * wait, latest)));
  };

  const { channel, feed } = channelOver(
    {
      framing: 'messages',
      peer: { transport: 'window', origin },
      binary: true,
      // Its port is not made yet; and nobody moves a window.
      moves: target,
      send(data, bytes) {
        if (inner === undefined) early.push({ data, bytes });
        else inner.write(data, bytes);
      },
      buffered: () => inner?.buffered ?? early.reduce((sum, it) => sum + sizeOf(it), 0),
      pause() {
        paused = true;
        inner?.pause();
      },
      resume() {
        paused = false;
        inner?.resume();
      },
      end() {
        leaving = true;
        if (inner !== undefined) return inner.close();
        // An answer may be on its way. There will be no more than that, and soon or never.
        stopTimer?.();
      },
      abort() {
        stop();
        inner?.destroy();
      },
    },
    window,
    clock,
  );
  ask(soonest);
  return channel;
}
