import type { InstanceRecord } from '../discovery/record.js';
import type { Attributes, CallEvent, ServeEvent } from '../protocol/observer.js';
import type { Peer } from '../protocol/session-handle.js';

/** A call was made again, or a second time beside the first. */
export interface RetryEvent {
  readonly call: CallEvent;
  /** Of the instance that had it before, and `error.type`, where it failed there. */
  readonly attributes: Attributes;
  /** Why it is made again; undefined where the first is still under way. */
  readonly error: unknown;
}

export interface ConnectionEvent {
  /** Who opened it: this program (`client`), or the other one (`server`). */
  readonly side: 'client' | 'server';
  readonly attributes: Attributes;
  readonly peer: Peer;
  /** Why it is away, or was closed, other than in good order. */
  readonly error: unknown;
}

export interface InstanceEvent {
  readonly record: InstanceRecord;
  readonly attributes: Attributes;
  /** Why it was ejected: calls failed in a row, or it is far slower than its peers. */
  readonly reason?: 'failures' | 'latency';
  /** Milliseconds that it rests. */
  readonly rest?: number;
}

/** What is told, by its name. In Node each is told on the diagnostics channel `dservice:<name>` as well. */
export type ObservedEvents = {
  /** A call of a service, of a dialled peer or of a callback begins. */
  'call:start': CallEvent;
  'call:retry': RetryEvent;
  /** It has its outcome. */
  'call:end': CallEvent;
  /** A handler, or a callback of ours, is about to run. */
  'serve:start': ServeEvent;
  'serve:end': ServeEvent;
  /** The peer's api is here. */
  'connection:open': ConnectionEvent;
  /** Lost, and another way is looked for. */
  'connection:away': ConnectionEvent;
  /** It goes on over another channel, of which `peer` tells. */
  'connection:moved': ConnectionEvent;
  'connection:close': ConnectionEvent;
  /** An instance that is looked for takes calls. */
  'instance:up': InstanceEvent;
  /** It does no more: it is gone, leaves, or waits. */
  'instance:down': InstanceEvent;
  /** It failed too often, or is too slow: it rests. */
  'instance:ejected': InstanceEvent;
  /** It gets one call, to show what it can. */
  'instance:trial': InstanceEvent;
  /** It takes calls again. */
  'instance:returned': InstanceEvent;
};

/**
 * Told of what happens, as it happens: a function for each event that it wants. They run in the middle of
 * a call, so they are quick; what they throw is logged, once, and harms nobody. A function may come and go
 * (a getter), and what is not there costs nothing.
 */
export type Observer = {
  readonly [K in keyof ObservedEvents]?: ((event: ObservedEvents[K]) => void) | undefined;
} & {
  /** Runs a handler within something, such as an AsyncLocalStorage: calls `handler` once, before it returns. */
  readonly around?: ((event: ServeEvent, handler: () => void) => void) | undefined;
};
