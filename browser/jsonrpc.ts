import { DserviceError } from '../src/errors.js';
import { dialJsonRpc } from '../src/jsonrpc/dial.js';
import type { Post, PostOptions, Received, Sent } from '../src/jsonrpc/post.js';
import type { Engine } from '../src/service/engine.js';

/**
 * JSON-RPC 2.0 over HTTP, for calling: `dial(url, { engines: [jsonRpc] })`, `dservice({ engines: [jsonRpc] })`.
 */
export const jsonRpc: Engine = {
  name: 'jsonrpc',
  schemes: ['http', 'https'],
  dial: (endpoint, options) => dialJsonRpc(endpoint, options, fetchPost),
};

/**
 * JSON-RPC by `fetch`: to the page's own origin, or to a server that lets this page read its answers (CORS).
 * A page is not told why a request failed, so that each that did may have run.
 */
function fetchPost({ url, limits }: PostOptions): Post {
  return {
    reach: () => Promise.resolve(),
    send: (sent) => send(url, sent, limits.line),
    hold: () => {},
    close: () => {},
  };
}

async function send(url: string, { headers, body, signal }: Sent, line: number): Promise<Received> {
  try {
    const response = await fetch(url, {
      ...{
        method: 'POST',
        body,
        signal,
        redirect: 'error',
        credentials: 'omit',
        cache: 'no-store',
      },
      headers: { ...headers, 'content-type': 'application/json' },
    });
    return { status: response.status, body: await read(response, line) };
  } catch (cause) {
    if (signal.aborted || DserviceError.is(cause)) throw cause;
    const why = cause instanceof Error ? cause.message : String(cause);
    const details = { cause, mayHaveRun: true };
    throw new DserviceError('ERR_CONNECTION_LOST', `${url} did not answer: ${why}`, details);
  }
}

async function read({ body }: Response, line: number): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  for (const reader = body?.getReader(); reader !== undefined;) {
    const { done, value } = await reader.read();
    if (done) break;
    text += decoder.decode(value, { stream: true });
    if (text.length <= line) continue;
    await reader.cancel();
    const why = `the outcome has more than ${line} bytes`;
    throw new DserviceError('ERR_LIMIT', why, { mayHaveRun: true });
  }
  return text + decoder.decode();
}
