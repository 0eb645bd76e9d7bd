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

const own: ReadonlySet<unknown> = new Set<keyof ServiceEvents>([
  'state',
  'degraded',
  'error',
  'session',
]);

/** Throws ERR_OPTION for a listener to an event of this service that is none, or to what is no event. What is observed has names of two parts. */
export function checkListener(event: unknown, listener: unknown): void {
  if (typeof listener !== 'function') {
    throw new DserviceError('ERR_OPTION', 'on() takes a function last: who listens');
  }
  if (own.has(event) || (typeof event === 'string' && event.includes(':'))) return;
  const text = `a service has the events ${[...own].join(', ')}; to those of another one: on(query, event, listener)`;
  throw new DserviceError('ERR_OPTION', text);
}
