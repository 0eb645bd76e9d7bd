import type { Channel } from '../channel/channel.js';
import type { Clock } from '../clock.js';
import { DserviceError } from '../errors.js';
import type { Limits } from '../limits.js';
import type { Answer, Exchange } from '../service/engine.js';
import { readAuth } from './auth.js';
import { answerChannel } from './answer-channel.js';
import { type Body, readBody } from './body.js';
import { path } from './address.js';

export interface DoorOptions {
  readonly clock: Clock;
  readonly limits: Limits;
  /** Serves a channel. */
  readonly onChannel: (channel: Channel) => void;
}

const usage = (at: string): string =>
  'dnode by HTTP. Several calls, each a line, leave in one POST:\n' +
  `curl -H 'content-type: application/json' -d '{"method":"…","arguments":[],"reply":1}' ${at}${path}`;

/** What is answered to a body that cannot be read. */
const statuses: Readonly<Record<string, number>> = { ERR_LIMIT: 413, ERR_BUSY: 503 };

/** Where dnode is spoken by HTTP: each POST is a channel of one request. */
export function door({ clock, limits, onChannel }: DoorOptions) {
  /** Undefined where a request is not for here. A promise of undefined: its caller went away. */
  return (exchange: Exchange): Promise<Answer | undefined> | undefined => {
    const { method, url } = exchange;
    if (url !== path && !url.startsWith(`${path}?`)) return undefined;
    const headers = allowOrigin(exchange);
    if (method === 'POST') return batch(exchange, headers);
    // The guard has let it in by its Origin: what it may do by a WebSocket, it may do by `fetch`.
    if (method === 'OPTIONS') return Promise.resolve({ status: 204, headers: preflight(exchange) });
    const at = `${exchange.peer.transport}://${exchange.header('host')}`;
    return Promise.resolve(note(405, usage(at), { ...headers, Allow: 'POST' }));
  };

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
      body = readBody(await exchange.text(), limits.batch);
    } catch (error) {
      const [code, text] = DserviceError.is(error) ? [error.code, error.message] : ['', 'cut off'];
      return note(statuses[code] ?? 400, text, headers);
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
