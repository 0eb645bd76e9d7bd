import { channel } from 'node:diagnostics_channel';
import type { ObservedEvents, Observer } from '../src/service/observer.js';

/** Every event; a handler's start is told by `around`. */
const names: readonly Exclude<keyof ObservedEvents, 'serve:start'>[] = [
  ...(['call:start', 'call:retry', 'call:end', 'serve:end'] as const),
  ...(['connection:open', 'connection:away', 'connection:moved', 'connection:close'] as const),
  ...(['instance:up', 'instance:down'] as const),
  ...(['instance:ejected', 'instance:trial', 'instance:returned'] as const),
];

/**
 * Tells the diagnostics channels `dservice:<name>` what happens, while somebody listens there
 * (https://nodejs.org/docs/latest-v20.x/api/diagnostics_channel.html). Plain channels, not a
 * TracingChannel: of that, `end` is the end of the synchronous part of a function.
 */
export function diagnostics(): Observer {
  const observer: Observer = {};
  for (const name of names) {
    const told = channel(`dservice:${name}`);
    const publish = (event: unknown): void => told.publish(event);
    // There only while somebody listens, so that nothing is made for nobody.
    const get = (): unknown => (told.hasSubscribers ? publish : undefined);
    Object.defineProperty(observer, name, { get });
  }
  const start = channel('dservice:serve:start');
  // The handler runs with the stores that are bound to the channel.
  const around: Observer['around'] = (event, handler) => start.runStores(event, handler);
  const get = (): unknown => (start.hasSubscribers ? around : undefined);
  return Object.defineProperty(observer, 'around', { get });
}
