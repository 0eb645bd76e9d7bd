import { DserviceError } from '../errors.js';
import { check, text, texts } from '../service/option-rules.js';
import type { Listenable, Listener } from '../service/runtime.js';
import { checkPlace, path as usual, within } from './address.js';
import { door } from './door.js';
import { FetchExchange } from './fetch-exchange.js';
import { createCheck, type GuardRules } from './guard.js';

export interface FetchHandlerOptions extends GuardRules {
  /** Where dnode is spoken, and below; `/dnode`. */
  readonly path?: string;
}

/** Answers a request. Never rejects: what is not for it gets a 404. */
export interface FetchHandler extends Listenable {
  (request: Request): Promise<Response>;
}

/**
 * A handler of requests as `fetch` has them, for `serve`: by batches and events, in whatever hands out a Request and
 * takes a Response (Deno, Bun, Hono, routes of Next, service workers). `await serve(api, handler)`, once: until then,
 * and after it is closed, it answers 503. Throws ERR_OPTION.
 */
export function fetchHandler(options: FetchHandlerOptions = {}): FetchHandler {
  check('fetchHandler', options, { path: text, origins: texts, hosts: texts });
  const place = checkPlace(options.path ?? usual);
  const guard = createCheck(options);
  let answer: ((request: Request, path: string) => Promise<Response>) | undefined;

  const handler = async (request: Request): Promise<Response> => {
    const { pathname, host } = new URL(request.url);
    if (pathname !== place && !pathname.startsWith(`${place}/`))
      return note(404, 'Nothing is here.');
    const header = (name: string) => request.headers.get(name) ?? undefined;
    const refusal = guard({
      ...{ method: request.method, origin: header('origin'), type: header('content-type') },
      // Where there is none, whoever hands the request out made its URL of what it is known by.
      host: header('host') ?? host,
    });
    if (refusal !== undefined) return note(refusal.status, refusal.text);
    if (answer === undefined) return note(503, 'Nothing is served here: see `serve`.');
    return await answer(request, within(place, pathname));
  };

  const listenWith: Listenable['listenWith'] = async ({ clock, limits }, onChannel) => {
    if (answer !== undefined) {
      throw new DserviceError(
        'ERR_OPTION',
        'a fetch handler serves one api: this one does already',
      );
    }
    const enter = door({ clock, limits, onChannel, at: place });
    const given = { clock, limits, reading: { bytes: 0 } };
    answer = async (request, path) => {
      const exchange = new FetchExchange(request, path, given);
      const answered = enter(exchange);
      if (answered === undefined) return note(404, 'Nothing is here.');
      return exchange.respond(await answered.catch(() => undefined));
    };
    const listener: Listener = {
      endpoints: [],
      async close(time) {
        await enter.close(time);
        answer = undefined;
      },
    };
    return listener;
  };
  return Object.assign(handler, { listenWith });
}

function note(status: number, text: string): Response {
  return new Response(`${text}\n`, { status, headers: { 'Content-Type': 'text/plain' } });
}
