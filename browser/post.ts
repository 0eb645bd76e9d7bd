import { DserviceError } from '../src/errors.js';
import type { Post, PostOptions, Received, Sent } from '../src/http/post.js';

/**
 * Requests by `fetch`: to the page's own origin, or to a server that lets this page read its answers (CORS).
 * A page is not told why a request failed, so that each that did may have run.
 */
export function fetchPost({ url, limits }: PostOptions): Post {
  return {
    reach: () => Promise.resolve(),
    send: (sent) => send(url, sent, limits.line),
    hold: () => {},
    close: () => {},
  };
}

async function send(
  url: string,
  { headers, body, signal, receive }: Sent,
  line: number,
): Promise<Received> {
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
    const { status } = response;
    return { status, body: await read(response, line, status === 200 ? receive : undefined) };
  } catch (cause) {
    if (signal.aborted || DserviceError.is(cause)) throw cause;
    const why = cause instanceof Error ? cause.message : String(cause);
    const details = { cause, mayHaveRun: true };
    throw new DserviceError('ERR_CONNECTION_LOST', `${url} did not answer: ${why}`, details);
  }
}

async function read({ body }: Response, line: number, receive: Sent['receive']): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  for (const reader = body?.getReader(); reader !== undefined;) {
    const { done, value } = await reader.read();
    if (done) break;
    if (receive !== undefined) {
      receive(value);
      continue;
    }
    text += decoder.decode(value, { stream: true });
    if (text.length <= line) continue;
    await reader.cancel();
    const why = `the outcome has more than ${line} bytes`;
    throw new DserviceError('ERR_LIMIT', why, { mayHaveRun: true });
  }
  return text + decoder.decode();
}
