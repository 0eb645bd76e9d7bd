import { systemClock, type Clock } from '../clock.js';
import type { Attachments, Channel, ChannelPeer } from './channel.js';
import { channelOver } from './transport.js';

/**
 * What can post messages: a MessagePort, a Worker, a worker's own global scope, and the MessagePort,
 * Worker and parentPort of `node:worker_threads`.
 */
export interface PortLike {
  postMessage(message: unknown, transfer?: readonly object[]): void;
  addEventListener?(type: string, listener: (event: Event) => void): void;
  removeEventListener?(type: string, listener: (event: Event) => void): void;
  on?(type: string, listener: (value: unknown) => void): unknown;
  off?(type: string, listener: (value: unknown) => void): unknown;
  start?(): void;
  close?(): void;
  terminate?(): unknown;
}

/**
 * A channel over a port. The port is the channel's from here on: a MessagePort is closed with it (a
 * Worker is not ended); a worker has to make it before its first `await`, or messages are lost. Both ends have to be channels of this kind. Messages that are neither text
 * nor bytes are ignored, but for `{dservice}`, which is ours: a number says how much was read (a port has no
 * back-pressure of its own), a list holds the values of the line that is posted next, `'close'` says that the other side has ended (older engines do not).
 * `window`: unread characters at which `write` returns false; the same at both ends.
 */
export function messagePortChannel(
  port: PortLike,
  options: { clock?: Clock; window?: number; peer?: ChannelPeer } = {},
): Channel {
  const { clock = systemClock, window = 256 * 1024, peer = { transport: 'port' } } = options;
  // Rarely enough to cost nothing, often enough that a writer never stops without need.
  const step = window >> 2;
  let unread = 0;
  let read = 0;
  let sentEnd = false;
  let moved: readonly unknown[] | undefined;

  // The ports of a page that goes end without a word to the other side, in Chromium at least. Only pages
  // have the event.
  const page: Partial<EventTarget> = globalThis;

  const sayEnd = (): void => {
    if (!sentEnd) port.postMessage({ dservice: 'close' });
    sentEnd = true;
  };
  const over = (error?: Error): void => {
    sayEnd();
    for (const [type, listener] of listeners)
      (port.off ?? port.removeEventListener)?.call(port, type, listener);
    page.removeEventListener?.('pagehide', ended);
    // Only a MessagePort has `start`: the `close` of a worker's global scope would end the worker.
    if (port.start) port.close?.();
    feed.ended(error);
  };
  const message = (event: unknown): void => {
    // Listeners of Node's `on` get the value itself.
    const data = port.on ? event : (event as MessageEvent<unknown>).data;
    if (typeof data === 'string') {
      const values = moved;
      moved = undefined;
      return feed.push(data, values);
    }
    // Of another window's classes, where the port was made there.
    if (ArrayBuffer.isView(data)) {
      return feed.push(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    }
    const mark = (data as { dservice?: unknown } | null)?.dservice;
    if (mark === 'close') over();
    else if (Array.isArray(mark)) moved = mark;
    else if (typeof mark === 'number') {
      unread = Math.max(0, unread - mark);
      if (unread <= window / 2) feed.drained();
    }
  };
  const ended = (): void => over();
  const failed = (event: unknown): void => {
    // An Error in Node, an ErrorEvent elsewhere.
    const { message: why } = event as { message?: string };
    over(new Error(`the worker failed: ${why}`, { cause: event }));
  };
  const listeners = Object.entries({ message, close: ended, exit: ended });
  // In a worker's own scope it would be any error of the program.
  if (port.terminate) listeners.push(['error', failed]);

  const { channel, feed } = channelOver(
    {
      framing: 'messages',
      peer,
      binary: true,
      takes: true,
      gives: true,
      moves: port,
      send(text, attached: Attachments = []) {
        let data = text;
        unread += data.length;
        if (attached.moved !== undefined) {
          // What is not readable there is lost without a word: so the line goes by itself, and misses it.
          const last = data.lastIndexOf('\n', data.length - 2) + 1;
          if (last > 0) port.postMessage(data.slice(0, last));
          data = data.slice(last);
          port.postMessage({ dservice: attached.moved.values }, attached.moved.list);
        }
        port.postMessage(data);
        for (const bytes of attached) {
          if (bytes.length === 0) continue;
          unread += bytes.length;
          // What is posted is gone here, and the writer may need its own again.
          const own = bytes.slice();
          port.postMessage(own, [own.buffer]);
        }
      },
      // Less than a step may have been read without a word.
      buffered: () => (unread < step ? 0 : unread),
      taken(data) {
        read += data.length;
        if (read < step) return;
        port.postMessage({ dservice: read });
        read = 0;
      },
      end: sayEnd,
      abort: over,
    },
    window,
    clock,
  );
  // From the start: a Worker drops what nobody listens for.
  for (const [type, listener] of listeners)
    (port.on ?? port.addEventListener)?.call(port, type, listener);
  page.addEventListener?.('pagehide', ended);
  port.start?.();
  return channel;
}
