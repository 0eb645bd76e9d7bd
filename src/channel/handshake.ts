import { DserviceError } from '../errors.js';

/**
 * How two windows come to a port of their own: the dialer posts `{ dservice: 'connect', nonce }` and a
 * port to the exact origin, again and again until `{ dservice: 'connected', nonce }` comes back over one
 * of those ports. All the attempts of a dialer have one nonce, so that they make one connection.
 */
export type HandshakeStep = 'connect' | 'connected';

export function handshake(step: HandshakeStep, nonce: string): object {
  return { dservice: step, nonce };
}

/** The nonce of a message that is this step, undefined for anything else that windows post. */
export function nonceOf(step: HandshakeStep, data: unknown): string | undefined {
  // A structured clone: whatever it is, reading it runs nothing.
  const { dservice, nonce } = (data ?? {}) as { dservice?: unknown; nonce?: unknown };
  if (dservice !== step || typeof nonce !== 'string') return undefined;
  return /^[\da-f]{32}$/.test(nonce) ? nonce : undefined;
}

export function makeNonce(): string {
  // `randomUUID` is there in secure contexts alone.
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** Throws ERR_OPTION for what is not exactly an origin: `*`, `null`, an address with a path. */
export function checkOrigin(origin: string): void {
  const is = originOf(origin);
  if (is === origin && is !== 'null') return;
  const text = `'${origin}' is no origin such as ${is === 'null' ? 'https://app.example' : is}`;
  throw new DserviceError('ERR_OPTION', text);
}

function originOf(url: string): string {
  try {
    return new URL(url).origin;
  } catch {
    return 'null';
  }
}
