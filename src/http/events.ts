import type { Channel } from '../channel/channel.js';
import { channelOver } from '../channel/transport.js';
import type { Clock } from '../clock.js';
import { DserviceError } from '../errors.js';
import { dnodeUrl } from './address.js';
import { refusalOf } from './refusals.js';

/** Characters in one POST, of several lines. */
const enough = 256 * 1024;
/** Unsent characters at which `write` returns false. */
const window = 128 * 1024;

/** Characters of an event that has not ended. A session bounds its lines itself, mostly at less. */
const longest = 64 * 1024 * 1024;

/** `fetch`, as far as it is used. */
export type Fetch = (url: string, options: RequestInit) => Promise<Response>;

export interface EventsOptions {
  /** Headers of each request, beside its media type. */
  readonly headers?: Readonly<Record<string, string>>;
}

/**
 * Makes `events`: a channel where no socket passes. What comes is a stream of Server-Sent Events, what goes are POSTs,
 * one after the other. It connects at once: `dial(events('http://…'))`. A stream that is lost is a lost channel.
 * Throws ERR_ENDPOINT; the channel ends with ERR_CONNECT, or ERR_AUTH, ERR_METHOD, ERR_BUSY of a server that refuses.
 */
export function makeEvents(clock: Clock, fetch: Fetch) {
  return function events(service: string, { headers = {} }: EventsOptions = {}): Channel {
    const url = dnodeUrl(service);
    const address = new URL(url);
    const gone = new AbortController();
    const queue: string[] = [];
    /** Characters in the queue and in the POST that is out. */
    let unsent = 0;
    let id: string | undefined;
    let next = 0;
    let posting = false;
    /** No more is to be sent, and that was said. */
    let ending = false;
    let ended = false;
    /** The other side has said so. */
    let heard = false;
    let flowing: (() => void) | undefined;
    let paused = true;

    const options = (more: RequestInit): RequestInit => ({
      ...{ credentials: 'omit', cache: 'no-store', redirect: 'error', signal: gone.signal },
      ...more,
    });
    const over = (error?: Error): void => {
      feed.ended(error);
      gone.abort();
    };

    /** Sends what is there, and what comes meanwhile. */
    const pump = async (): Promise<void> => {
      if (posting || id === undefined) return;
      posting = true;
      // The first tells whose the stream is, with or without lines.
      while (queue.length > 0 || next === 0 || (ending && !ended)) {
        let body = queue.shift() ?? '';
        while (queue[0] !== undefined && body.length + queue[0].length < enough) {
          body += queue.shift();
        }
        ended = ending && queue.length === 0;
        address.pathname = `${new URL(url).pathname}/${id}`;
        address.search = `?n=${next++}${ended ? '&end' : ''}`;
        const type = { ...headers, 'content-type': 'application/json' };
        // One after the other, so that their order is kept.
        // oxlint-disable-next-line no-await-in-loop
        const { status } = await fetch(
          address.href,
          options({ method: 'POST', body, headers: type }),
        );
        if (status !== 204) throw refusalOf(url, status);
        unsent -= body.length;
        if (unsent <= window / 2) feed.drained();
      }
      posting = false;
      if (heard && ended) over();
    };
    // Whoever has said that it ends may be gone when it is answered.
    const send = (): void => void pump().catch((error: Error) => over(heard ? undefined : error));

    /** Reads one event. */
    const read = (event: string): void => {
      // Not by a pattern of several lines: what it takes for the end of one may be within a string of somebody's.
      const lines = event.split('\n');
      const of = (field: string): string[] =>
        lines.filter((line) => line.startsWith(field)).map((line) => line.slice(field.length));
      const [name] = of('event: ');
      const data = of('data: ').join('\n');
      if (name === 'open') {
        // A path is made of it.
        if (id !== undefined || !/^\w{1,64}$/.test(data))
          throw new Error('that is no stream of ours');
        id = data;
        send();
      } else if (name === 'end') {
        // What is still to be sent is sent, and that it was all; then the stream ends.
        ending = true;
        heard = true;
        send();
      } else if (data !== '') feed.push(`${data}\n`);
    };
    const listen = async (): Promise<void> => {
      let response: Response;
      try {
        response = await fetch(
          url,
          options({ headers: { ...headers, accept: 'text/event-stream' } }),
        );
      } catch (cause) {
        const why = cause instanceof Error ? cause.message : String(cause);
        const text = `cannot connect to ${url}: ${why}`;
        throw new DserviceError('ERR_CONNECT', text, { cause, mayHaveRun: false });
      }
      if (response.status !== 200) throw refusalOf(url, response.status);
      const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
      let text = '';
      let last = '';
      for (;;) {
        // oxlint-disable-next-line no-await-in-loop -- one piece after the other
        while (paused && id !== undefined) await new Promise<void>((go) => (flowing = go));
        // oxlint-disable-next-line no-await-in-loop -- one piece after the other
        const { done = true, value = '' } = (await reader?.read()) ?? {};
        if (done) break;
        if (text.length > longest) throw new DserviceError('ERR_LIMIT', 'an event has no end');
        // What is begun is looked at once, however many pieces and lines it has.
        const ends = (last + value).includes('\n\n');
        last = value;
        text += value;
        if (!ends) continue;
        const events = text.split('\n\n');
        text = events.pop() ?? '';
        for (const event of events) read(event);
      }
      if (!heard) throw new Error('the stream of events was lost');
    };

    const { channel, feed } = channelOver(
      {
        framing: 'messages',
        peer: { transport: address.protocol.slice(0, -1), address: url },
        send(data) {
          unsent += data.length;
          queue.push(data.endsWith('\n') ? data : `${data}\n`);
          // Not at once: what is written in one turn leaves together.
          clock.defer(send);
        },
        buffered: () => unsent,
        pause() {
          paused = true;
        },
        resume() {
          paused = false;
          flowing?.();
        },
        end() {
          ending = true;
          send();
        },
        abort: () => gone.abort(),
      },
      window,
      clock,
    );
    listen().catch(over);
    return channel;
  };
}
