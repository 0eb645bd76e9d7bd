import type { Channel } from '../channel/channel.js';
import { channelOver } from '../channel/transport.js';
import type { Clock } from '../clock.js';
import type { Once } from '../protocol/once.js';
import type { Post } from './post.js';
import { refusalOf } from './refusals.js';

/** Milliseconds in which an answer ends after its last outcome: only then its connection is of use again. */
const grace = 100;

export interface RequestChannelOptions {
  readonly url: string;
  readonly post: Post;
  readonly clock: Clock;
  readonly once: Once;
  readonly headers: Readonly<Record<string, string>>;
  /** What leaves before all else: whole lines, or nothing. */
  readonly hello: string;
}

/**
 * The asking side of one request. What is written first is its body, and all that can be: what a session says
 * later, of what it gave up or holds no longer, is for nobody. It ends with the answer; closed before that, it
 * gives up.
 */
export function requestChannel({
  url,
  post,
  clock,
  once,
  headers,
  hello,
}: RequestChannelOptions): Channel {
  const gone = new AbortController();
  let sent = false;
  let stop = (): void => {};
  const { channel, feed } = channelOver(
    {
      framing: 'bytes',
      peer: { transport: url.startsWith('https:') ? 'https' : 'http', address: url },
      once,
      send(data) {
        if (sent) return;
        sent = true;
        const receive = (piece: Uint8Array): void => feed.push(piece);
        post.send({ headers, body: hello + data, signal: gone.signal, receive }).then(
          ({ status }) => {
            stop();
            const whole = status === 200 || status === 204;
            feed.ended(whole ? undefined : refusalOf(url, status));
          },
          (error: unknown) => feed.ended(error instanceof Error ? error : new Error(String(error))),
        );
      },
      buffered: () => 0,
      end() {
        const over = (): void => {
          feed.ended();
          gone.abort();
        };
        if (sent) stop = clock.after(grace, over, true);
        else over();
      },
      abort: () => gone.abort(),
    },
    Infinity,
  );
  return channel;
}
