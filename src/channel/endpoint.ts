import { DserviceError } from '../errors.js';
import { webSocketUrl } from './web-socket-url.js';

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
 * `ws://…`, `wss://…`. Throws `ERR_ENDPOINT` where it is none of those.
 */
export function parseEndpoint(text: string): Endpoint {
  const endpoint = parse(text);
  if (endpoint !== undefined) return endpoint;
  const forms = Object.values(shapes).join(', ');
  throw new DserviceError('ERR_ENDPOINT', `'${text}' is no endpoint; accepted here: ${forms}`);
}

function parse(text: string): Endpoint | undefined {
  const [, transport, rest] = /^(tcp|tls|unix|wss?):(.+)$/s.exec(text) ?? [];
  if (rest === undefined) return undefined;
  if (transport === 'unix') return { transport, path: rest.replace(/^\/\/(?=\/)/, '') };
  if (transport === 'ws' || transport === 'wss') {
    const url = webSocketUrl(text);
    return url === undefined ? undefined : { transport, url };
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
