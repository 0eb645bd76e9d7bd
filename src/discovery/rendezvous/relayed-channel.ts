import type { Channel } from '../../channel/channel.js';
import type { Frame } from '../../channel/frames.js';
import { channelOver } from '../../channel/transport.js';
import type { Clock } from '../../clock.js';
import { DserviceError } from '../../errors.js';
import { messageOf } from '../../protocol/encode.js';
import type { FarSide } from './remote-side.js';
import {
  costOf,
  isPiece,
  lost,
  type RelaySide,
  relayPiece,
  relayWindow,
  type Stamp,
} from './wire.js';

export interface RelayedOptions {
  readonly clock: Clock;
  /** Characters in a message; who sends more is cut off. */
  readonly limit: number;
  readonly onSignal?: (data: unknown) => void;
  /** Whether the channel keeps the process alive, when that changes. It does when it is made. */
  readonly onHold?: (keep: boolean) => void;
  /** The dial is over. */
  readonly onOver?: () => void;
}

export interface Relayed {
  readonly channel: Channel;
  /** What the far side calls. */
  readonly near: RelaySide;
  /** Whoever owns the channel can go on over another one: it need not be spared. */
  movable: boolean;
  /** The far side is known, and who it is: what was written leaves. */
  attach(far: FarSide, peer: Partial<Stamp>): void;
  /** Nothing comes or goes any more. */
  lose(error: DserviceError): void;
}

/** The outcome of a piece that came: it waits until its message, or all before it, was taken. */
interface Untold {
  readonly tell: () => void;
  readonly cost: number;
  /** The last piece of a message. */
  readonly whole: boolean;
}

/** A message channel whose pieces are carried by calls, over one who stands between: wire.ts says how. */
export function relayedChannel(options: RelayedOptions): Relayed {
  const { clock, limit } = options;
  const peer: { transport: string; origin?: string; address?: string } = { transport: 'relay' };
  const outgoing = new Outgoing();
  const parts: string[] = [];
  let partsSize = 0;
  /** Of pieces that came, in order, and what they count. */
  const untold: Untold[] = [];
  let untaken = 0;
  let far: FarSide | undefined;
  let outstanding = 0;
  let onTheWay = 0;
  let paused = true;
  let ending = false;
  let saidEnd = false;
  let over = false;
  let held = true;

  const hold = (keep: boolean): void => {
    if (keep === held || over) return;
    held = keep;
    options.onHold?.(keep);
  };
  const pump = (): void => {
    if (far === undefined || over) return;
    while (!outgoing.empty && outstanding + relayPiece <= relayWindow) {
      const { piece, more } = outgoing.take();
      const cost = costOf(piece);
      outstanding += cost;
      onTheWay += piece.length;
      far.receive(piece, more).then(
        () => {
          outstanding -= cost;
          onTheWay -= piece.length;
          pump();
          if (outgoing.size + onTheWay <= relayWindow / 2) feed.drained();
        },
        (error: unknown) => {
          const known = DserviceError.is(error) && error.code === 'ERR_LIMIT';
          fail(known ? error : lost(messageOf(error)));
        },
      );
    }
    if (ending && !saidEnd && outgoing.empty) sayEnd();
  };
  const sayEnd = (): void => {
    saidEnd = true;
    void far?.end();
  };
  /** Nobody waits any more, and nothing is kept. */
  const stop = (): void => {
    if (over) return;
    hold(false);
    over = true;
    for (const { tell } of untold.splice(0)) tell();
    parts.length = 0;
    outgoing.clear();
    options.onOver?.();
  };
  const fail = (error: DserviceError): void => {
    if (!over) channel.destroy(error);
  };
  const tellFirst = (): void => {
    const first = untold.shift();
    untaken -= first?.cost ?? 0;
    first?.tell();
  };
  /** Beginnings of a message have all before them taken; but who is paused takes nothing. */
  const tellBeginnings = (): void => {
    while (!paused && untold[0]?.whole === false) tellFirst();
  };

  const { channel, feed } = channelOver(
    {
      framing: 'messages',
      peer,
      binary: true,
      send(data, attached = []) {
        outgoing.add(data);
        for (const bytes of attached) if (bytes.length > 0) outgoing.add(bytes);
        pump();
      },
      buffered: () => outgoing.size + onTheWay,
      taken() {
        while (untold[0]?.whole === false) tellFirst();
        tellFirst();
        tellBeginnings();
      },
      pause: () => (paused = true),
      resume() {
        paused = false;
        tellBeginnings();
      },
      end() {
        ending = true;
        pump();
      },
      abort() {
        if (over) return;
        stop();
        far?.drop('the other side has ended it');
      },
    },
    relayWindow,
    clock,
  );
  channel.hold = hold;

  /** Hands over what is whole; nothing is the beginning of a message. Resolves when it, or all before it, was taken. */
  const take = (message: Frame, cost: number): Promise<void> => {
    const whole = message.length > 0;
    const outcome = new Promise<void>((tell) => untold.push({ tell, cost, whole }));
    if (parts.length === 0) partsSize = 0;
    if (whole) feed.push(message);
    tellBeginnings();
    return outcome;
  };

  const near: RelaySide = {
    receive(piece, more) {
      // Whoever sends to what is over learns it.
      if (over) throw lost('it is over');
      if (!isPiece(piece)) throw new DserviceError('ERR_DATA', 'a piece is a string or bytes');
      const cost = costOf(piece);
      untaken += cost;
      partsSize += piece.length;
      if (partsSize > limit || untaken > 2 * relayWindow) {
        const what = partsSize > limit ? `a message over ${limit} characters` : 'more than it may';
        const error = new DserviceError('ERR_LIMIT', `the other side sent ${what}`);
        fail(error);
        throw error;
      }
      if (typeof piece !== 'string') {
        if (!more && parts.length === 0) return take(piece, cost);
        fail(lost('bytes came in the middle of a message'));
        throw new DserviceError('ERR_DATA', 'bytes follow a whole message');
      }
      if (piece !== '') parts.push(piece);
      const message = more ? '' : parts.join('');
      if (!more) parts.length = 0;
      return take(message, cost);
    },
    end(reason) {
      if (over) return;
      if (typeof reason === 'string') {
        stop();
        far?.drop();
        return feed.ended(lost(reason));
      }
      const cut = parts.length > 0;
      if (!saidEnd) sayEnd();
      stop();
      // What this side has sent still leaves.
      far?.release();
      feed.ended(cut ? lost('a message was not finished') : undefined);
    },
    signal(data) {
      if (!over) options.onSignal?.(data);
    },
  };

  return {
    channel,
    near,
    attach(side, { origin, address }) {
      if (typeof origin === 'string') peer.origin = origin;
      if (typeof address === 'string') peer.address = address;
      far = side;
      if (!over) return pump();
      if (saidEnd) void side.end().then(() => side.release());
      else side.drop('the other side has ended it');
    },
    movable: false,
    lose(error) {
      stop();
      far?.drop();
      feed.ended(error);
    },
  };
}

/** Messages that have not left, and how they are cut into pieces. */
class Outgoing {
  #messages: Frame[] = [];
  #next = 0;
  /** Characters or bytes of the first that have left. */
  #from = 0;
  /** Characters and bytes that have not left. */
  size = 0;

  get empty(): boolean {
    return this.#next === this.#messages.length;
  }

  add(message: Frame): void {
    this.#messages.push(message);
    this.size += message.length;
  }

  /** The next piece: of a long message or of bytes a part, of short messages as many as fit. */
  take(): { piece: Frame; more: boolean } {
    const first = this.#messages[this.#next] ?? '';
    if (typeof first !== 'string' || first.length > relayPiece) {
      const end = this.#from + relayPiece;
      const isText = typeof first === 'string';
      const piece = isText ? first.slice(this.#from, end) : first.subarray(this.#from, end);
      this.#from += piece.length;
      this.size -= piece.length;
      const more = this.#from < first.length;
      if (!more) this.#shift();
      return { piece, more: isText && more };
    }
    let text = '';
    let taken = 0;
    for (;;) {
      const message = this.#messages[this.#next];
      if (typeof message !== 'string' || text.length + message.length >= relayPiece) break;
      // Lines of one message are parted; of the last one the newline may be missing.
      if (text !== '' && !text.endsWith('\n')) text += '\n';
      text += message;
      taken += message.length;
      this.#shift();
    }
    if (text === '') {
      text = first;
      taken = first.length;
      this.#shift();
    }
    this.size -= taken;
    return { piece: text, more: false };
  }

  #shift(): void {
    this.#from = 0;
    // For the collector; the list itself is cut seldom, since that copies it.
    this.#messages[this.#next++] = '';
    if (this.#next < 1_000 || this.#next * 2 < this.#messages.length) return;
    this.#messages = this.#messages.slice(this.#next);
    this.#next = 0;
  }

  clear(): void {
    this.#messages = [];
    this.#next = 0;
    this.size = 0;
  }
}
