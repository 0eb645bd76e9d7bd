import { DserviceError } from '../errors.js';
import { isObject } from '../rules.js';
import type { Identity } from '../protocol/hello.js';
import { behind, type BrokenListener, type CallOptions } from '../protocol/options.js';
import type { SessionHandle } from '../protocol/session-handle.js';

/** A session of any engine, and what those of dnode have beside. */
export interface SessionBehind extends SessionHandle {
  readonly hello?: { readonly service?: Identity | undefined } | undefined;
  /** Why it is over, once it is. */
  readonly reason?: DserviceError | undefined;
  ask?(control: 'health', given: CallOptions): Promise<unknown>;
}

/**
 * A session with who is behind something: a session itself, the connection that `dnodeFor` hands over, a
 * remote that was dialled, one of `connect`. Of a service it is one of its instances, connected where none
 * is: rejects with ERR_NO_INSTANCE, ERR_CONNECT and what else that does. ERR_STATE for any other object.
 */
export async function sessionBehind(target: object): Promise<SessionBehind> {
  const found: unknown = Reflect.get(target, behind);
  // Of a service's remote it is a function: there are many.
  const own = typeof found === 'function' ? await (found as () => Promise<unknown>)() : found;
  const session = sessionAmong(own, target);
  if (session !== undefined) return session;
  throw new DserviceError('ERR_STATE', 'this is no remote, no connection and no session');
}

/** The session that is one of these: what stands behind something, and that itself or its own. */
export function sessionAmong(own: unknown, target: object): SessionBehind | undefined {
  return [own, Reflect.get(target, 'session'), target].find(isSession);
}

/** Tells why a session is over, at once where it is; returns what takes that back. */
export function onEnd(session: SessionBehind, listener: BrokenListener): () => void {
  const end = (error?: DserviceError): void =>
    listener(session.reason ?? error ?? new DserviceError('ERR_CLOSED', 'the session is closed'));
  if (session.ended) end();
  return session.on('end', end);
}

function isSession(value: unknown): value is SessionBehind {
  return isObject(value) && 'about' in value && value.about instanceof Map && 'tables' in value;
}
