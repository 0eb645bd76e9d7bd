import type { Clock } from '../clock.js';
import type { Channel, ChannelHandlers } from './channel.js';

export interface FirstLine {
  /** Without its newline; undefined where none came in time, or it was too long. */
  readonly line: string | undefined;
  /** The channel as it was: whoever opens it reads the line, and all that follows it. */
  readonly whole: Channel;
  /** The same channel for whoever has no need of the line. */
  readonly rest: Channel;
}

/**
 * Looks at the first line of a channel that nobody has opened yet. Waits `time` ms for it. Never
 * rejects. One of `whole` and `rest` is to be used, and not both.
 */
export function readFirstLine(
  channel: Channel,
  { clock, limit, time }: { clock: Clock; limit: number; time: number },
): Promise<FirstLine> {
  return new Promise((resolve) => {
    const early: (Uint8Array | string)[] = [];
    let size = 0;
    let over: { error: Error | undefined } | undefined;
    let owner: ChannelHandlers | undefined;

    const reopen = (pieces: readonly (Uint8Array | string)[]): Channel => ({
      get framing() {
        return channel.framing;
      },
      get peer() {
        return channel.peer;
      },
      get buffered() {
        return channel.buffered;
      },
      open(handlers) {
        queueMicrotask(() => {
          for (const piece of [...pieces, ...early]) handlers.receive(piece);
          early.length = 0;
          owner = handlers;
          if (over === undefined) channel.resume();
          else handlers.close(over.error);
        });
      },
      write: (data) => channel.write(data),
      pause: () => channel.pause(),
      resume: () => channel.resume(),
      hold: (keep) => channel.hold?.(keep),
      close: () => channel.close(),
      destroy: (error) => channel.destroy(error),
    });

    let done = false;
    const decide = (): void => {
      if (done) return;
      done = true;
      stopTimer();
      // What comes until somebody opens it is kept, and should not be much.
      channel.pause();
      const pieces = early.splice(0);
      const { line, rest } = cut(pieces);
      resolve({ line, whole: reopen(pieces), rest: reopen(rest) });
    };
    const stopTimer = clock.after(time, decide, true);

    channel.open({
      receive(data) {
        if (owner !== undefined) return owner.receive(data);
        // Bytes are lent: what is kept is copied.
        early.push(typeof data === 'string' ? data : data.slice());
        size += data.length;
        const ends = typeof data === 'string' || data.includes(newline);
        if (ends || size > limit) decide();
      },
      drain: () => owner?.drain(),
      close(error) {
        over = { error };
        if (owner === undefined) decide();
        else owner.close(error);
      },
    });
  });
}

const newline = 10;

/** The first line of what has come, and what follows it. */
function cut(pieces: readonly (Uint8Array | string)[]): {
  line: string | undefined;
  rest: readonly (Uint8Array | string)[];
} {
  const [first] = pieces;
  if (typeof first === 'string') {
    // A message is one or more whole lines.
    const end = first.indexOf('\n');
    const rest = end === -1 ? '' : first.slice(end + 1);
    return {
      line: end === -1 ? first : first.slice(0, end),
      rest: [...(rest === '' ? [] : [rest]), ...pieces.slice(1)],
    };
  }
  const bytes = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    if (typeof piece === 'string') return { line: undefined, rest: pieces };
    bytes.set(piece, at);
    at += piece.length;
  }
  const end = bytes.indexOf(newline);
  if (end === -1) return { line: undefined, rest: pieces };
  const line = new TextDecoder().decode(bytes.subarray(0, end));
  return { line, rest: end + 1 < bytes.length ? [bytes.slice(end + 1)] : [] };
}
