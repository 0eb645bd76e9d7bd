import type { Clock } from '../clock.js';
import type { Channel, ChannelHandlers } from './channel.js';

export interface FirstLine {
  /** Without its newline; undefined where none came in time, or it was too long. */
  readonly line: string | undefined;
  /** The channel as it was: whoever opens it reads the line, and all that follows it. */
  readonly whole: Channel;
  /** The same channel for whoever has no need of the line. */
  readonly rest: Channel;
  /** The channel has ended by now. */
  readonly ended: boolean;
}

/**
 * Looks at the first line of a channel that nobody has opened yet. Waits `time` ms for it, and `quiet` ms
 * for its beginning. Never rejects. One of `whole` and `rest` is to be used, and not both.
 */
export function readFirstLine(
  channel: Channel,
  {
    clock,
    limit,
    time,
    quiet = time,
  }: { clock: Clock; limit: number; time: number; quiet?: number },
): Promise<FirstLine> {
  return new Promise((resolve) => {
    const early: (Uint8Array | string)[] = [];
    let size = 0;
    let over: { error: Error | undefined } | undefined;
    /** Who has opened it, and whether they have all that came before. */
    let handlers: ChannelHandlers | undefined;
    let through = false;
    let paused = false;
    /** Who has closed waits for the end, and cannot hold it back. */
    let leaving = false;

    /** Hands over what came before, as far as it is wanted, and then the channel itself. */
    const flow = (): void => {
      if (handlers === undefined || through) return;
      for (let piece; !paused && (piece = early.shift()) !== undefined;) handlers.receive(piece);
      if (paused) return;
      through = true;
      if (over === undefined) channel.resume();
      else handlers.close(over.error);
    };
    const go = (): void => {
      paused = false;
      queueMicrotask(flow);
    };

    const reopen = (pieces: readonly (Uint8Array | string)[]): Channel => ({
      get framing() {
        return channel.framing;
      },
      get peer() {
        return channel.peer;
      },
      get binary() {
        return channel.binary === true;
      },
      get takes() {
        return channel.takes === true;
      },
      get gives() {
        return channel.gives === true;
      },
      allocate: (size) => channel.allocate?.(size) ?? new Uint8Array(size),
      get moves() {
        return channel.moves;
      },
      get buffered() {
        return channel.buffered;
      },
      open(given) {
        handlers = given;
        early.unshift(...pieces);
        go();
      },
      write: (data, bytes) => channel.write(data, bytes),
      pause() {
        paused = !leaving;
        channel.pause();
      },
      resume() {
        if (through) channel.resume();
        else go();
      },
      hold: (keep) => channel.hold?.(keep),
      close() {
        leaving = true;
        channel.close();
        go();
      },
      destroy(error) {
        early.length = 0;
        channel.destroy(error);
        go();
      },
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
      resolve({
        ...{ line, whole: reopen(pieces), rest: reopen(rest) },
        get ended() {
          return over !== undefined;
        },
      });
    };
    let stopTimer = clock.after(quiet, decide, true);

    channel.open({
      receive(data, moved) {
        // Before that, nobody has said that anything may be moved.
        if (through) return handlers?.receive(data, moved);
        // Bytes are lent: what is kept is copied.
        early.push(typeof data === 'string' ? data : data.slice());
        if (size === 0 && !done) {
          stopTimer();
          stopTimer = clock.after(time, decide, true);
        }
        size += data.length;
        const ends = typeof data === 'string' || data.includes(newline);
        if (ends || size > limit) decide();
      },
      drain: () => handlers?.drain(),
      close(error) {
        over = { error };
        if (through) handlers?.close(error);
        else if (done) flow();
        else decide();
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
