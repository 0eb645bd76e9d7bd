import { DserviceError } from '../errors.js';

/** Where a service can be reached, taken apart. */
export type Endpoint =
  | { readonly transport: 'tcp' | 'tls'; readonly host: string; readonly port: number }
  | { readonly transport: 'unix'; readonly path: string }
  | { readonly transport: 'ws' | 'wss'; readonly url: string };

const shapes = {
  tcp: 'tcp://host:port',
  tls: 'tls://host:port',
  unix: 'unix:/path',
  ws: 'ws://host:port/path',
  wss: 'wss://host:port/path',
};

/**
 * Takes an endpoint apart: `tcp://host:port`, `tls://host:port` (IPv6 in brackets), `unix:/path`,
 * `ws://…`, `wss://…`. Throws `ERR_ENDPOINT` where it is none of those in `accepted`.
 */
export function parseEndpoint(
  text: string,
  accepted: readonly Endpoint['transport'][] = ['tcp', 'tls', 'unix', 'ws', 'wss'],
): Endpoint {
  const endpoint = parse(text);
  if (endpoint !== undefined && accepted.includes(endpoint.transport)) return endpoint;
  const forms = accepted.map((transport) => shapes[transport]).join(', ');
  throw new DserviceError('ERR_ENDPOINT', `'${text}' is no endpoint; accepted here: ${forms}`);
}

function parse(text: string): Endpoint | undefined {
  const [, transport, rest] = /^(tcp|tls|unix|wss?):(.+)$/s.exec(text) ?? [];
  if (rest === undefined) return undefined;
  if (transport === 'unix') return { transport, path: rest.replace(/^\/\/(?=\/)/, '') };
  if (transport === 'ws' || transport === 'wss') {
    // A WebSocket's address has no fragment (RFC 6455 §3).
    if (!/^\/\/[^\s#]+$/.test(rest)) return undefined;
    try {
      return { transport, url: new URL(text).href };
    } catch {
      return undefined;
    }
  }
  const [, host, digits] =
    /^\/\/(\[[\da-fA-F:.%\w]+\]|[^\s[\]/:@?#]+):(\d{1,5})\/?$/.exec(rest) ?? [];
  const port = Number(digits);
  if (host === undefined || !(port > 0 && port < 65_536)) return undefined;
  return {
    transport: transport === 'tls' ? 'tls' : 'tcp',
    host: host.replace(/^\[|\]$/g, ''),
    port,
  };
}
