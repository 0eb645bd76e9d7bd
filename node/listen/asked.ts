import type { IncomingMessage } from 'node:http';

/** What a request asks for: the path, and the query with its mark. */
export function asked({ url = '/' }: IncomingMessage): { path: string; query: string } {
  const at = url.indexOf('?');
  return at === -1 ? { path: url, query: '' } : { path: url.slice(0, at), query: url.slice(at) };
}
