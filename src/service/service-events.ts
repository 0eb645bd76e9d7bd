import type { InstanceState, Rely } from '../discovery/record.js';
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
