import type { IncomingMessage, ServerResponse } from 'node:http';

/** Answers with what there is to tell, as JSON. No page of another origin can read it: there are no CORS headers. */
export function answerHealth(
  { method }: IncomingMessage,
  response: ServerResponse,
  health: object,
): void {
  if (method !== 'GET' && method !== 'HEAD') {
    response.writeHead(405, { Allow: 'GET, HEAD', 'Content-Type': 'text/plain' });
    response.end('This is only to be read.\n');
    return;
  }
  const body = `${JSON.stringify(health)}\n`;
  response.writeHead(200, {
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(body),
    'Cache-Control': 'no-store',
  });
  response.end(method === 'HEAD' ? undefined : body);
}

export function answerMissing(response: ServerResponse): void {
  response.writeHead(404, { 'Content-Type': 'text/plain' });
  response.end('A rendezvous of dservice is here, and nothing else.\n');
}
