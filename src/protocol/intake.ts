import type { Deliveries } from '../channel/channel.js';
import { DserviceError, type ErrorCode } from '../errors.js';
import type { Limits } from '../limits.js';
import {
  type Attached,
  attachedTo,
  checkLengths,
  Collector,
  cutShort,
  type Following,
  readLengths,
  sizeOf,
  weightOf,
  withMoved,
} from './attachments.js';
import { messageOf } from './encode.js';
import type { Budget, Keeper } from './budget.js';
import { LineReader } from './lines.js';
import { isLong, isShallow, measure, type TooMuch } from './measure.js';
import { isCounted, isRecord, type Message, readId, weight } from './message.js';

/** Messages of so many characters are weighed. */
const light = 1_024;

/** So many characters of what has waited are handed over in one turn of the event loop. */
const share = 50_000;

/**
 * A message that waits. Not as it was parsed: of a few characters that can be twenty times as much. So its
 * text is parsed once more when its turn comes.
 */
interface Waiting {
  readonly line: string;
  readonly attached: Attached | undefined;
}

/** What one costs: its text, its bytes, and about as much as an empty one does. */
const costOf = ({ line, attached }: Waiting): number => line.length + sizeOf(attached) + 200;

export interface IntakeOptions {
  readonly limits: Limits;
  readonly decodeText?: ((bytes: Uint8Array) => string) | undefined;
  readonly budget?: Budget | undefined;
}

/** Who gets the messages: the session. */
export interface IntakeHost {
  onMessage(message: Message, line: string): void;
  /** Whether a message need not wait while reading is paused: it asks for nothing. */
  mayPass(message: Message): boolean;
  /**
   * A message that is refused: the rest goes on. `reply` is the id under which its sender waits, and
   * `outcome` the id of the call of ours that it would have answered, where they can be told.
   */
  onRefused(error: DserviceError, reply: number | undefined, outcome: number | undefined): void;
  /** There is no going on. */
  onFatal(code: ErrorCode, message: string): void;
}

/** Who holds back what is read: the flow of the session. */
export interface IntakeFlow {
  /** More waits than should, or that is over. */
  onBacklog(full: boolean): void;
  /** As many messages were handed over as there was room for, or so much: pauses, and goes on in another turn. */
  breathe(): void;
}

const makeCollector = (following: Following, charge: (bytes: number) => void): Collector =>
  new Collector(following, charge);

/** Makes messages of what a channel delivers, as far as they keep to the limits. */
export class Intake implements Keeper {
  readonly #options: IntakeOptions;
  readonly #host: IntakeHost;
  /** Set before anything is read. */
  flow!: IntakeFlow;
  readonly #lines: LineReader;
  /** Lines longer than this, and not measured before, are looked at after they are parsed. */
  readonly #lookFrom: number;
  /** What came while it was paused, and how many characters that is. */
  #waiting: Waiting[] | undefined;
  #next = 0;
  #waitingSize = 0;
  #paused = false;
  /** Whether the channel was told to wait. Made false, it is told again by the next that waits. */
  backlog = false;
  /** Characters that may wait before the channel has to. */
  readonly #most: number;
  /** Messages that are handed over before the flow is asked for more. */
  room = 0;
  #stopped = false;
  /** What was moved with the line that is read next. */
  #moved: readonly unknown[] | undefined;
  /** Messages that were read, but for those that a resume does not send again. */
  got = 0;

  constructor(options: IntakeOptions, host: IntakeHost) {
    const { limits, decodeText, budget } = options;
    this.#options = options;
    this.#host = host;
    this.#lookFrom = 2 * limits.depth;
    this.#most = limits.unsentMax / 2;
    this.#lines = new LineReader(limits.firstLine, this, decodeText, budget, makeCollector);
    // Not known before the peer has said who it is.
    this.#lines.binary = undefined;
  }

  /** The peer has said who it is: its lines may be longer from here on, and raw bytes may follow them. */
  greeted(binary: boolean): void {
    this.#lines.limit = this.#options.limits.line;
    this.#lines.binary = binary;
  }

  /** Bytes that follow a line are on their way. */
  get collecting(): boolean {
    return this.#lines.collecting;
  }

  /** Undefined where no message is unfinished; else, how many were before it. */
  get unfinished(): number | undefined {
    return this.#lines.unfinished;
  }

  /** Other sessions need the room. */
  evict({ code, message }: DserviceError): void {
    this.#host.onFatal(code, message);
  }

  push(data: Uint8Array | string, moved?: readonly unknown[], by?: Deliveries): void {
    this.#moved = moved;
    try {
      this.#lines.push(data, by);
    } catch (error) {
      // Only the reader itself throws here, for a line that is too long.
      this.#host.onFatal(DserviceError.is(error) ? error.code : 'ERR_LIMIT', messageOf(error));
    }
  }

  /** Hands over nothing more but what may pass. */
  pause(): void {
    this.#paused = true;
  }

  /** Hands over what has waited, in order, until it is paused again. */
  resume(): void {
    this.#paused = false;
    const enough = this.#waitingSize - share;
    while (!this.#paused && !this.#stopped) {
      if (this.#waitingSize < enough) this.flow.breathe();
      const waited = this.#waiting?.[this.#next];
      if (waited === undefined || this.#mustWait()) break;
      this.#next++;
      this.#count(-costOf(waited));
      const { line, attached } = waited;
      // It was one when it was parsed before.
      const message = JSON.parse(line) as Message;
      if (attached !== undefined) message.bin = attached;
      this.#handOver(message, line);
    }
    // Seldom, so that a long queue is not copied for each few that leave it.
    if (this.#waiting !== undefined && this.#next > this.#waiting.length / 2) {
      this.#waiting =
        this.#next < this.#waiting.length ? this.#waiting.slice(this.#next) : undefined;
      this.#next = 0;
    }
    if (this.backlog && this.#waitingSize <= this.#most / 2) {
      this.backlog = false;
      this.flow.onBacklog(false);
    }
  }

  /** What is pushed from here on comes over another channel. */
  restart(): void {
    this.#lines.restart();
  }

  /** Reads one line again, that was read before its time, and what followed it. */
  reread(line: string, attached: Attached | undefined): void {
    const { got } = this;
    this.#moved = attached?.moved?.values;
    this.read(line)?.done(attached);
    this.got = got;
  }

  /** Reads one line. Returns what has to follow before its message is whole. */
  read(line: string): Following | undefined {
    if (this.#stopped) return undefined;
    let message: unknown;
    const moved = this.#moved;
    if (moved !== undefined) this.#moved = undefined;
    this.got++;
    try {
      const over = measure(line, this.#options.limits);
      if (over !== undefined) {
        this.#tooMuch(over, line);
        return undefined;
      }
      message = JSON.parse(line);
    } catch {
      this.got--;
      if (line.trim() !== '') this.#host.onFatal('ERR_MALFORMED', 'a line is not JSON');
      return undefined;
    }
    if (!isCounted(message)) this.got--;
    if (this.#lines.binary === true && isRecord(message) && message.bin !== undefined) {
      return this.#awaitBytes(message, line, moved);
    }
    if (moved !== undefined && isRecord(message)) message.bin = withMoved([], moved);
    this.#deliver(message, line);
    return undefined;
  }

  /** A message that raw bytes follow: it counts, and is refused if it is, when they have come. */
  #awaitBytes(
    message: Message,
    line: string,
    moved: readonly unknown[] | undefined,
  ): Following | undefined {
    const counted = isCounted(message) ? 1 : 0;
    this.got -= counted;
    const lengths = readLengths(message.bin);
    if (lengths === undefined) {
      this.#host.onFatal('ERR_MALFORMED', '`bin` is not a list of lengths');
      return undefined;
    }
    const refusal = checkLengths(message.types, lengths, this.#options.limits.attachments);
    return {
      lengths,
      keep: refusal === undefined,
      done: (attached) => {
        if (this.#stopped) return;
        this.got += counted;
        message.bin =
          attached === undefined || moved === undefined ? attached : withMoved(attached, moved);
        if (refusal === undefined && attached !== undefined) return this.#deliver(message, line);
        const { code, what } = refusal ?? cutShort;
        this.#refuse(code, what, message.reply, message.method);
      },
    };
  }

  #deliver(message: unknown, line: string): void {
    const { depth } = this.#options.limits;
    if (!isRecord(message)) {
      this.#refuse('ERR_MALFORMED', 'is not an object');
    } else if (this.#mayBeDeep(line) && !isShallow(message.arguments, depth + 1)) {
      const { method, reply } = message;
      this.#refuse('ERR_LIMIT', `is nested deeper than ${depth}`, reply, method);
    } else if (this.#mustWait() && !this.#host.mayPass(message)) this.#wait(message, line);
    else this.#handOver(message, line);
  }

  #handOver(message: Message, line: string): void {
    this.room--;
    if (line.length > light || message.bin !== undefined) {
      // Parsed, text takes several times its length.
      message[weight] = 4 * line.length + weightOf(attachedTo(message));
    }
    this.#host.onMessage(message, line);
  }

  /** Whether there is a pause, as there is where there was no room. */
  #mustWait(): boolean {
    if (!this.#paused && this.room <= 0) this.flow.breathe();
    return this.#paused;
  }

  /** Whether a line is long enough to be too deep, and was not measured before it was parsed. */
  #mayBeDeep(line: string): boolean {
    return line.length > this.#lookFrom && !isLong(line, this.#options.limits);
  }

  #wait(message: Message, line: string): void {
    const waiting = { line, attached: attachedTo(message) };
    try {
      this.#count(costOf(waiting));
    } catch {
      return this.#host.onFatal('ERR_LIMIT', 'too much waits, of all sessions together');
    }
    (this.#waiting ??= []).push(waiting);
    const all = this.#options.budget?.tight === true;
    if (!this.backlog && (this.#waitingSize > this.#most || all)) {
      this.backlog = true;
      this.flow.onBacklog(true);
    }
    // Most channels bring no more when they are told; a page's WebSocket cannot be told.
    if (this.#waitingSize > 2 * this.#most) {
      this.#host.onFatal('ERR_LIMIT', 'too much came while nothing could be read');
    }
  }

  /** Counts what waits. Throws ERR_LIMIT where all sessions of the server keep too much. */
  #count(more: number): void {
    const { budget } = this.#options;
    if (more > 0) budget?.take(more, this);
    else budget?.give(-more, this, this.#waitingSize + more === 0);
    this.#waitingSize += more;
  }

  /** A line that is not parsed, since there is too much in it. */
  #tooMuch({ what, reply, outcome }: TooMuch, line: string): void {
    // Where bytes may follow, it cannot be told where the next line begins.
    if (this.#lines.binary === true && line.includes('"bin"')) {
      this.#host.onFatal('ERR_LIMIT', `a message ${what}`);
    } else this.#refuse('ERR_LIMIT', what, reply, outcome);
  }

  #refuse(code: ErrorCode, what: string, reply?: unknown, outcome?: unknown): void {
    const id = (value: unknown) => (typeof value === 'number' ? readId(value) : undefined);
    this.#host.onRefused(new DserviceError(code, `a message ${what}`), id(reply), id(outcome));
  }

  stop(): void {
    this.#stopped = true;
    this.#waiting = undefined;
    this.#next = 0;
    this.#count(-this.#waitingSize);
    this.#lines.stop();
  }
}
