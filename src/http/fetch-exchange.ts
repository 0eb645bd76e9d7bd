import type { ChannelPeer } from '../channel/channel.js';
import type { Clock } from '../clock.js';
import { DserviceError } from '../errors.js';
import type { Limits } from '../limits.js';
import type { Answer, Exchange, Outlet } from '../service/engine.js';
import { malformed, tooLarge } from './body.js';

/** Milliseconds for a body to come, and for a reader to take a piece. */
const patience = 60_000;
/** Bytes of an answer that wait for their reader. */
const window = 16 * 1024;

export interface FetchExchangeOptions {
  readonly clock: Clock;
  readonly limits: Pick<Limits, 'line' | 'buffered'>;
  /** Bytes of bodies, over all requests that have no answer yet. */
  readonly reading: { bytes: number };
}

/** A request as `fetch` has it, and the response that is made of its answer. */
export class FetchExchange implements Exchange {
  readonly method: string;
  readonly url: string;
  readonly peer: ChannelPeer;
  readonly #request: Request;
  readonly #options: FetchExchangeOptions;
  #size = 0;
  #gone = (): void => {};

  /** `path`: what is asked for, as the door has it. */
  constructor(request: Request, path: string, options: FetchExchangeOptions) {
    const { protocol, search } = new URL(request.url);
    const origin = request.headers.get('origin');
    this.method = request.method;
    this.url = path + search;
    this.peer = {
      transport: protocol === 'https:' ? 'https' : 'http',
      ...(origin !== null && { origin }),
    };
    this.#request = request;
    this.#options = options;
    request.signal.addEventListener('abort', this.#left, { once: true });
  }

  readonly #left = (): void => this.#gone();

  /** Some runtimes say the same of answers that were taken. */
  #answered(): void {
    this.#request.signal.removeEventListener('abort', this.#left);
  }

  header(name: string): string | undefined {
    // What came twice is one text here, and nothing that anybody expects.
    const value = this.#request.headers.get(name);
    if (value === null && name === 'host') return new URL(this.#request.url).host;
    return value ?? undefined;
  }

  onGone(listener: () => void): void {
    this.#gone = listener;
    if (this.#request.signal.aborted) listener();
  }

  async text(): Promise<string> {
    const { line } = this.#options.limits;
    if ((this.header('content-encoding') ?? 'identity') !== 'identity') {
      throw malformed('it is compressed');
    }
    if (Number(this.header('content-length')) > line) throw tooLarge();
    const reader = this.#request.body?.getReader();
    if (reader === undefined) return '';
    let late = (_error: DserviceError): void => {};
    const tooLate = new Promise<never>((_, reject) => (late = reject));
    const stop = this.#options.clock.after(patience, () => late(cutOff()), true);
    try {
      return await Promise.race([this.#read(reader), tooLate]);
    } catch (error) {
      // What comes of it is for nobody.
      reader.cancel().catch(() => {});
      throw error;
    } finally {
      stop();
    }
  }

  async #read(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<string> {
    const { limits, reading } = this.#options;
    const decoder = new TextDecoder('utf-8', { fatal: true });
    let text = '';
    for (;;) {
      const { done, value } = await reader.read().catch((cause: unknown) => {
        throw cutOff(cause);
      });
      if (value !== undefined) {
        this.#size += value.length;
        reading.bytes += value.length;
        if (this.#size > limits.line) throw tooLarge();
        if (reading.bytes > limits.buffered) {
          throw new DserviceError('ERR_BUSY', 'too much is being read');
        }
      }
      try {
        text += decoder.decode(value, { stream: !done });
      } catch {
        throw malformed('it is no UTF-8');
      }
      if (done) return text;
    }
  }

  /** The response to it. Undefined: nobody is there to read it, or nobody could. */
  respond(answer: Answer | undefined): Response {
    // A body is as good as in memory until its call is answered.
    this.#options.reading.bytes -= this.#size;
    if (answer?.stream === undefined) this.#answered();
    if (answer === undefined) return new Response(null, { status: 503 });
    const { status, body, stream } = answer;
    const type = body?.[0] ?? stream?.[0];
    const headers = {
      ...answer.headers,
      ...(type !== undefined && { 'Content-Type': type }),
      ...{ 'Cache-Control': 'no-store', 'X-Content-Type-Options': 'nosniff' },
    };
    const content = stream === undefined ? (body?.[1] ?? null) : this.#stream(stream[1]);
    return new Response(content, { status, headers });
  }

  /** Writes an answer piece by piece. Who does not take one for too long is left. */
  #stream(begin: (outlet: Outlet) => () => void): ReadableStream<Uint8Array> {
    const { clock } = this.#options;
    const encoder = new TextEncoder();
    let controller!: ReadableStreamDefaultController<Uint8Array>;
    let stop: (() => void) | undefined;
    let onRoom = (): void => {};
    let over = false;
    const end = (how: () => void): void => {
      if (over) return;
      over = true;
      stop?.();
      this.#answered();
      how();
    };
    const destroy = (): void => end(() => controller.error(new Error('the answer was cut off')));
    const lost = (): void => {
      destroy();
      this.#gone();
    };
    const room = (): number => controller.desiredSize ?? window;
    const stream = new ReadableStream<Uint8Array>(
      {
        start: (given) => void (controller = given),
        pull() {
          stop?.();
          stop = undefined;
          onRoom();
        },
        cancel: () => end(() => this.#gone()),
      },
      { highWaterMark: window, size: (piece) => piece?.length ?? 0 },
    );
    onRoom = begin({
      write(text) {
        if (over) return;
        controller.enqueue(encoder.encode(text));
        if (room() <= 0) stop ??= clock.after(patience, lost, true);
      },
      get buffered() {
        return over ? 0 : window - room();
      },
      end: () => end(() => controller.close()),
      destroy,
    });
    return stream;
  }
}

function cutOff(cause?: unknown): DserviceError {
  const given = cause === undefined ? {} : { cause };
  return new DserviceError('ERR_CONNECTION_LOST', 'the body was cut off', given);
}
