import type { Channel } from '../channel/channel.js';
import type { Clock } from '../clock.js';
import type { Limits } from '../limits.js';
import type { Answer, Exchange } from '../service/engine.js';
import { readAuth } from './auth.js';
import { answerChannel } from './answer-channel.js';
import { EventChannels } from './event-channels.js';
import { type Body, readBody, unread } from './body.js';
import { path } from './address.js';

export interface DoorOptions {
  readonly clock: Clock;
  readonly limits: Limits;
  /** Where that is, for who asks; `/dnode`. */
  readonly at?: string;
  /** Serves a channel. */
  readonly onChannel: (channel: Channel) => void;
}

const usage = (at: string): string =>
  'dnode by HTTP. Several calls, each a line, leave in one POST:\n' +
  `curl -H 'content-type: application/json' -d '{"method":"…","arguments":[],"reply":1}' ${at}`;

/** Where dnode is spoken by HTTP: each POST is a channel of one request, each GET of a stream of events one of many. */
export function door({ clock, limits, onChannel, at: place = path }: DoorOptions) {
  const events = new EventChannels({ clock, limits, onChannel });
  /** Undefined where a request is not for here. A promise of undefined: its caller went away. */
  const enter = (exchange: Exchange): Promise<Answer | undefined> | undefined => {
    const { method, url } = exchange;
    const [at] = url.split('?', 1);
    const headers = allowOrigin(exchange);
    if (at?.startsWith(`${path}/`) === true && method === 'POST') {
      return events.post(exchange, headers);
    }
    if (at !== path && (method !== 'OPTIONS' || at?.startsWith(`${path}/`) !== true)) {
      return undefined;
    }
    if (method === 'POST') return batch(exchange, headers);
    if (method === 'GET' && exchange.header('accept')?.includes('text/event-stream') === true) {
      return Promise.resolve(events.open(exchange, headers));
    }
    // The guard has let it in by its Origin: what it may do by a WebSocket, it may do by `fetch`.
    if (method === 'OPTIONS') return Promise.resolve({ status: 204, headers: preflight(exchange) });
    const here = `${exchange.peer.transport}://${exchange.header('host')}${place}`;
    return Promise.resolve(note(405, usage(here), { ...headers, Allow: 'POST' }));
  };
  /** Nobody new comes. Sessions are their owner's to end: those over events need to be let in until then. */
  return Object.assign(enter, { close: (time?: number) => events.close(time) });

  async function batch(
    exchange: Exchange,
    headers: Record<string, string>,
  ): Promise<Answer | undefined> {
    let gone = (): void => {};
    let left = false;
    exchange.onGone(() => {
      left = true;
      gone();
    });
    let body: Body;
    try {
      body = readBody(await exchange.text(), limits);
    } catch (error) {
      return note(...unread(error), headers);
    }
    if (left) return undefined;
    const { peer } = exchange;
    const auth = readAuth(exchange.header('authorization'));
    const made = answerChannel({ ...{ peer, clock, headers, auth }, ...body });
    gone = made.gone;
    onChannel(made.channel);
    return await made.answer;
  }
}

/** A page of an origin that may connect reads the answer, and nobody else does. */
function allowOrigin({ peer: { origin } }: Exchange): Record<string, string> {
  return { Vary: 'Origin', ...(origin !== undefined && { 'Access-Control-Allow-Origin': origin }) };
}

function preflight(exchange: Exchange): Record<string, string> {
  const asked = exchange.header('access-control-request-headers') ?? 'content-type';
  return {
    ...allowOrigin(exchange),
    'Access-Control-Allow-Methods': 'POST',
    // A header that an HTTP parser let in holds nothing that could end this one.
    'Access-Control-Allow-Headers': asked,
    'Access-Control-Max-Age': '600',
  };
}

function note(status: number, text: string, headers: Record<string, string>): Answer {
  return { status, body: ['text/plain; charset=utf-8', `${text}\n`], headers };
}
