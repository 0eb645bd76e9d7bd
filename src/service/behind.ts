import { DserviceError } from '../errors.js';
import { isObject } from '../rules.js';
import type { Identity } from '../protocol/hello.js';
import type { CallOptions } from '../protocol/options.js';
import type { SessionHandle } from '../protocol/session-handle.js';

/** What stands behind a remote: its session, or what gives one. Registered, as other symbols of remotes. */
export const behind: unique symbol = Symbol.for('dservice.session') as never;

/** A session of any engine, and what those of dnode have beside. */
export interface SessionBehind extends SessionHandle {
  readonly hello?: { readonly service?: Identity | undefined } | undefined;
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
  const sessions = [own, Reflect.get(target, 'session'), target];
  const session = sessions.find(isSession);
  if (session !== undefined) return session;
  throw new DserviceError('ERR_STATE', 'this is no remote, no connection and no session');
}

function isSession(value: unknown): value is SessionBehind {
  return isObject(value) && 'about' in value && value.about instanceof Map && 'tables' in value;
}
