import type { Channel, ChannelPeer } from '../channel/channel.js';
import { channelOver } from '../channel/transport.js';
import type { Clock } from '../clock.js';
import type { Answer, Outlet } from '../service/engine.js';
import type { Body } from './body.js';
import { Answering } from './once.js';

/** Unread characters of an answer at which its writer waits. */
const window = 128 * 1024;

const type = 'application/json';

/** What an answer is made of that has not begun with an outcome: nothing has run. */
const statuses: Readonly<Record<string, number>> = { ERR_AUTH: 401, ERR_API: 500, ERR_BUSY: 503 };

export interface AnswerChannelOptions extends Body {
  readonly peer: ChannelPeer;
  readonly clock: Clock;
  /** Credentials that came beside the body. */
  readonly auth: unknown;
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * The answering side of one request: what came is delivered, and what is written is the answer. As a whole,
 * where all of it is there soon; else piece by piece, as it comes.
 */
export function answerChannel(options: AnswerChannelOptions): {
  channel: Channel;
  answer: Promise<Answer | undefined>;
  /** The other side went away. */
  gone: () => void;
} {
  const { peer, clock, lines, hello, auth, list, headers } = options;
  let told = (_answer: Answer | undefined): void => {};
  const answer = new Promise<Answer | undefined>((resolve) => (told = resolve));
  /** What was written, until it goes into the answer. */
  let waiting = '';
  let outlet: Outlet | undefined;
  /** The answer is being made, piece by piece. */
  let flowing = false;
  let scheduled = false;
  let first = true;
  /** Nothing is written any more: all was, or it is cut off. */
  let over = false;
  let cut = false;
  /** Nobody is there who would read it. */
  let left = false;

  /** Text as it goes into the answer. In a list, there is a comma for each newline, but the last. */
  const take = (last: boolean): string => {
    const text = waiting;
    waiting = '';
    if (!list) return text;
    const items = text.trimEnd().replaceAll('\n', ',\n');
    const between = items === '' ? '' : ',\n';
    const head = first ? '[' : between;
    first = false;
    return `${head}${items}${last ? ']\n' : ''}`;
  };
  const flush = (): void => {
    scheduled = false;
    if (waiting === '' || over || left) return;
    if (flowing) return outlet?.write(take(false));
    flowing = true;
    told({
      ...{ status: 200, headers },
      stream: [
        type,
        (given) => {
          outlet = given;
          if (cut || left) given.destroy();
          else if (over) end();
          else flush();
          return () => feed.drained();
        },
      ],
    });
  };
  const end = (): void => {
    over = true;
    if (left) return;
    if (!flowing) {
      const code = /^\{"control":"close","code":"(\w+)"/.exec(waiting)?.[1] ?? '';
      const status = statuses[code] ?? (waiting === '' ? 204 : 200);
      const text = take(true);
      told({ status, headers, ...(status !== 204 && { body: [type, text] as const }) });
    } else {
      if (outlet === undefined) return;
      const rest = take(true);
      if (rest !== '') outlet.write(rest);
      outlet.end();
    }
    feed.ended();
  };

  const { channel, feed } = channelOver(
    {
      framing: 'messages',
      peer,
      once: new Answering(hello, auth),
      send(data) {
        waiting += data;
        if (scheduled) return;
        scheduled = true;
        clock.defer(flush);
      },
      buffered: () => waiting.length + (outlet?.buffered ?? 0),
      end,
      abort() {
        cut = true;
        if (flowing) outlet?.destroy();
        else told({ status: 503, headers });
      },
    },
    window,
  );
  // No more comes than that, and so it ends when nothing runs.
  feed.push(lines);
  feed.push('{"control":"bye"}\n');
  return {
    ...{ channel, answer },
    gone() {
      left = true;
      told(undefined);
      feed.ended(new Error('the caller went away'));
    },
  };
}
