import { DserviceError } from '../errors.js';
import type { CallContext } from '../protocol/context.js';
import type { Meta } from '../protocol/message.js';
import { givenTrace, readMeta } from '../protocol/meta.js';
import type { CallOptions } from '../protocol/options.js';

/** Where a call's metadata stands in HTTP: ms left, idempotency key, W3C trace context, services passed. */
const names = {
  deadline: 'x-dservice-deadline',
  key: 'idempotency-key',
  traceparent: 'traceparent',
  tracestate: 'tracestate',
  path: 'x-dservice-path',
} as const;

/** Services passed that a header names. */
const longest = 100;

/** The metadata of a request; what is no such thing is left out. */
export function metaOf(header: (name: string) => string | undefined): Meta {
  const deadline = header(names.deadline);
  return readMeta({
    deadline: deadline !== undefined && /^\d{1,15}$/.test(deadline) ? Number(deadline) : undefined,
    key: header(names.key),
    traceparent: header(names.traceparent),
    tracestate: header(names.tracestate),
    path: header(names.path)?.split(','),
  });
}

/** The headers of a call's metadata: its own, and of the call in whose service it is made. Throws ERR_DATA. */
export function headersOf(
  given: CallOptions | undefined,
  current: CallContext | undefined,
  deadline: number | undefined,
): Record<string, string> {
  const trace = givenTrace(given) ?? current?.meta;
  // Of a long chain the end: a server takes 16 KiB of headers, and a loop is seen there as well.
  const path = (given?.path ?? current?.passed)?.slice(-longest);
  const all = {
    [names.deadline]: deadline === undefined ? undefined : String(Math.ceil(deadline)),
    [names.key]: given?.key,
    [names.traceparent]: trace?.traceparent,
    [names.tracestate]: trace?.tracestate,
    [names.path]: path?.join(','),
  };
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(all)) {
    if (value === undefined) continue;
    if (!isHeader(value)) throw new DserviceError('ERR_DATA', `${name} has what no header may`);
    headers[name] = value;
  }
  return headers;
}

/** Whether a text can stand in a header as it is: visible ASCII, spaces within. */
function isHeader(text: string): boolean {
  return /^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/.test(text);
}

/**
 * What `authenticate` gets of an Authorization header: the token of `Bearer` (RFC 6750) as it is, `{ user,
 * password }` of `Basic` (RFC 7617), undefined of none and of anything else.
 */
export function readAuth(header: string | undefined): unknown {
  const [, scheme, value = ''] = /^(bearer|basic) +([\w.~+/=-]+) *$/i.exec(header ?? '') ?? [];
  if (scheme === undefined) return undefined;
  if (scheme.toLowerCase() === 'bearer') return value;
  const text = fromBase64(value);
  const colon = text?.indexOf(':') ?? -1;
  if (text === undefined || colon === -1) return undefined;
  return { user: text.slice(0, colon), password: text.slice(colon + 1) };
}

/** The Authorization header for credentials. Throws ERR_OPTION for what neither scheme can carry. */
export function writeAuth(auth: unknown): Record<string, string> {
  if (auth === undefined) return {};
  if (typeof auth === 'string' && /^[\w.~+/-]+=*$/.test(auth))
    return { authorization: `Bearer ${auth}` };
  if (typeof auth === 'object' && auth !== null && 'user' in auth && 'password' in auth) {
    const { user, password } = auth;
    if (typeof user === 'string' && typeof password === 'string' && !user.includes(':')) {
      return { authorization: `Basic ${toBase64(`${user}:${password}`)}` };
    }
  }
  const text =
    '`auth` over JSON-RPC is a token of letters, digits and -._~+/, or { user, password }';
  throw new DserviceError('ERR_OPTION', text, { mayHaveRun: false });
}

function toBase64(text: string): string {
  const bytes = new TextEncoder().encode(text);
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''));
}

function fromBase64(text: string): string | undefined {
  try {
    const bytes = Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
