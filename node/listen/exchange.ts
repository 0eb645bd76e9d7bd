import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Turns } from '../../src/channel/turns.js';
import type { Clock } from '../../src/clock.js';
import { DserviceError } from '../../src/errors.js';
import type { Limits } from '../../src/limits.js';
import { malformed, tooLarge } from '../../src/http/body.js';
import type { Answer, Exchange, Outlet } from '../../src/service/engine.js';
import { hostPort } from '../channel/address.js';
import { isEncrypted } from './addresses.js';

/** Decodes whole texts: it remembers nothing, and to make one takes longer than to decode. */
const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Milliseconds in which a caller has to take its answer. */
const takeTime = 60_000;

export interface ExchangesOptions {
  readonly clock: Clock;
  readonly limits: Pick<Limits, 'line' | 'buffered'>;
  /** Long bodies are read in turns of them. */
  readonly turns?: Turns | undefined;
  /** Answers a request, or says that it is not for it. */
  answer(exchange: Exchange): Promise<Answer | undefined> | undefined;
}

/** Hands HTTP requests to engines, within the limits of this listener. */
export function createExchanges({ clock, limits, turns, answer }: ExchangesOptions) {
  /** Bytes of bodies, over all requests that have no answer yet. */
  const budget: Budget = { used: 0, limit: limits.buffered };
  /** `url`: that of the request, where it is below a path. */
  return (request: IncomingMessage, response: ServerResponse, url?: string): void => {
    const exchange = new HttpExchange(request, response, limits.line, budget, turns, url);
    const answered = answer(exchange);
    if (answered === undefined) {
      exchange.write({ status: 404, body: ['text/plain; charset=utf-8', 'Nothing is here.\n'] });
      return;
    }
    const tell = (given: Answer | undefined): void => {
      if (response.destroyed) return;
      if (given === undefined) return void response.destroy();
      if (given.stream !== undefined) return exchange.stream(given, ...given.stream, clock);
      exchange.write(given);
      // Who does not read it would have us keep it for ever.
      const stop = clock.after(takeTime, () => response.destroy(), true);
      response.once('close', stop);
    };
    // An engine rejects nothing; one that does all the same, a user's maybe, has no answer.
    answered.then(tell).catch(() => void response.destroy());
  };
}

type Begin = (outlet: Outlet) => () => void;

interface Budget {
  used: number;
  readonly limit: number;
}

class HttpExchange implements Exchange {
  readonly method: string;
  readonly url: string;
  readonly peer: Exchange['peer'];
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #line: number;
  readonly #budget: Budget;
  readonly #turns: Turns | undefined;

  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    line: number,
    budget: Budget,
    turns: Turns | undefined,
    url = request.url ?? '',
  ) {
    const { socket, headers, method = '' } = request;
    const address = socket.remoteAddress && hostPort(socket.remoteAddress, socket.remotePort ?? 0);
    this.method = method;
    this.url = url;
    this.peer = {
      transport: isEncrypted(socket) ? 'https' : 'http',
      ...(address && { address }),
      ...(headers.origin && { origin: headers.origin }),
    };
    this.#request = request;
    this.#response = response;
    this.#line = line;
    this.#budget = budget;
    this.#turns = turns;
  }

  header(name: string): string | undefined {
    const values = this.#request.headersDistinct[name];
    return values?.length === 1 ? values[0] : undefined;
  }

  onGone(listener: () => void): void {
    this.#response.once('close', () => {
      if (!this.#response.writableFinished) listener();
    });
  }

  text(): Promise<string> {
    const encoding = this.header('content-encoding') ?? 'identity';
    if (encoding !== 'identity') return Promise.reject(malformed('it is compressed'));
    if (Number(this.header('content-length')) > this.#line) return Promise.reject(tooLarge());
    return new Promise((resolve, reject) => {
      const request = this.#request;
      const chunks: Buffer[] = [];
      let size = 0;
      // A body is as good as in memory until its call is answered.
      this.#response.once('close', () => (this.#budget.used -= size));
      request.on('data', (chunk: Buffer) => {
        size += chunk.length;
        this.#budget.used += chunk.length;
        const error = size > this.#line ? tooLarge() : this.#full();
        if (error === undefined) return void chunks.push(chunk);
        chunks.length = 0;
        request.removeAllListeners('data');
        reject(error);
      });
      const read = (): void => {
        const body = chunks.length === 1 ? chunks[0] : Buffer.concat(chunks);
        let text: string;
        try {
          text = utf8.decode(body);
        } catch {
          return reject(malformed('it is no UTF-8'));
        }
        resolve(text);
      };
      request.once('end', () => {
        if (this.#turns === undefined || size <= this.#turns.long) read();
        else this.#turns.add({ turn: read });
      });
      request.once('close', () => {
        if (request.readableEnded) return;
        reject(new DserviceError('ERR_CONNECTION_LOST', 'the body was cut off'));
      });
    });
  }

  #full(): DserviceError | undefined {
    if (this.#budget.used <= this.#budget.limit) return undefined;
    return new DserviceError('ERR_BUSY', 'too much is being read');
  }

  write({ status, body, headers }: Answer): void {
    const type = body && { 'Content-Type': body[0], 'Content-Length': Buffer.byteLength(body[1]) };
    if (this.#begin(status, { ...headers, ...type })) this.#response.end(body?.[1]);
  }

  /** Writes an answer piece by piece. Who does not take one for too long is left. */
  stream({ status, headers }: Answer, type: string, begin: Begin, clock: Clock): void {
    const response = this.#response;
    if (!this.#begin(status, { ...headers, 'Content-Type': type })) return;
    let stop: (() => void) | undefined;
    const watch = (): void => {
      stop?.();
      stop = clock.after(takeTime, () => response.destroy(), true);
    };
    const onRoom = begin({
      write(text) {
        if (!response.write(text) && stop === undefined) watch();
      },
      get buffered() {
        return response.writableLength;
      },
      end() {
        response.end();
        if (stop === undefined) watch();
      },
      destroy: () => void response.destroy(),
    });
    response.on('drain', () => {
      if (response.writableEnded) return watch();
      stop?.();
      stop = undefined;
      onRoom();
    });
    response.once('close', () => stop?.());
  }

  #begin(status: number, headers: Record<string, string | number>): boolean {
    const response = this.#response;
    if (response.headersSent || response.destroyed) return false;
    // What comes of a body that nobody wants is not read.
    if (!this.#request.complete) response.setHeader('Connection', 'close');
    response.writeHead(status, {
      ...headers,
      'Cache-Control': 'no-store',
      'X-Content-Type-Options': 'nosniff',
    });
    return true;
  }
}
