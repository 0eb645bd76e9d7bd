import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';

/**
 * Whether a request is to become a WebSocket. Java and `curl --http2` offer HTTP/2 with each call: whoever does not take
 * an offer up answers as if it were not there (RFC 9110, 7.8).
 */
export function isForSocket({ method, headers }: IncomingMessage): boolean {
  return method === 'GET' && /\bwebsocket\b/i.test(headers.upgrade ?? '');
}

/** Puts a request back into its socket, as it would be had nobody offered another protocol, and what came behind it. */
export function passOver(request: IncomingMessage, socket: Socket, head: Buffer): void {
  const { method, url, httpVersion, rawHeaders, headers } = request;
  const lines = [`${method} ${url} HTTP/${httpVersion}`];
  if (/\bclose\b/i.test(headers.connection ?? '')) lines.push('Connection: close');
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const [name = '', value = ''] = rawHeaders.slice(i, i + 2);
    if (!/^(connection|upgrade|http2-settings)$/i.test(name)) lines.push(`${name}: ${value}`);
  }
  const plain = Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
  socket.unshift(Buffer.concat([plain, head]));
}
