import { DserviceError } from '../errors.js';

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
  const text = '`auth` in a header is a token of letters, digits and -._~+/, or { user, password }';
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
