import type { InstanceState, Rely } from '../discovery/record.js';
import { DserviceError } from '../errors.js';
import type { Session } from '../protocol/session.js';

/** What a service tells of itself. */
export type ServiceEvents = {
  /** The state of this instance. */
  state: [state: InstanceState | 'new' | 'stopped'];
  /** What the service relies on and does not find any more; empty when it is whole again. */
  degraded: [missing: readonly Rely[]];
  /** What a `start` that nobody awaits was rejected with, and what a listener to another service's event threw. */
  error: [error: unknown];
  /** A peer connected. */
  session: [session: Session];
};

/** Throws ERR_OPTION for what is no listener, and for what is no event of a service's own: what is observed has names of two parts. */
export function checkListener(what: unknown, event: unknown, listener: unknown): void {
  const known = event !== undefined || /^(state|degraded|error|session)$|:/.test(String(what));
  if (known && typeof listener === 'function') return;
  const text = 'on() takes an event and a function, and before them the query of another service';
  throw new DserviceError('ERR_OPTION', text);
}
