import { DserviceError } from '../errors.js';
import type { Limits } from '../limits.js';
import { encode, messageOf } from './encode.js';
import { exposedParts, exposing } from './exposing.js';
import { standsFor } from './pipelining/recording.js';
import type { SessionHandle } from './session-handle.js';
import { refuseStream } from './streams/outgoing.js';

/** What a peer may call: an object of functions, or what makes one for each session, in dnode's manner. */
// The peer's api is what who serves believes it to be, as for `dial`.
// oxlint-disable-next-line no-explicit-any
export type Api = object | ((remote: any, session: SessionHandle) => unknown);

/** Throws ERR_API or ERR_NAME for what cannot be served. */
export function checkApi(api: unknown): asserts api is object {
  if (
    (typeof api !== 'object' && typeof api !== 'function') ||
    api === null ||
    Array.isArray(api)
  ) {
    throw new DserviceError(
      'ERR_API',
      'an api is an object of functions, or a function that makes one',
    );
  }
  for (const word of ['methods', 'cull']) {
    if (typeof api === 'object' && word in api) {
      throw new DserviceError(
        'ERR_NAME',
        `"${word}" is a word of the protocol: rename that method`,
      );
    }
  }
  const proto: unknown = Object.getPrototypeOf(api);
  if (
    typeof api !== 'object' ||
    proto === null ||
    exposing(api) !== undefined ||
    Object.keys(api).length > 0
  )
    return;
  const methods = Object.getOwnPropertyNames(proto).filter((key) => key !== 'constructor');
  if (proto !== Object.prototype && methods.length > 0) {
    throw new DserviceError('ERR_API', 'a class extends `Exposed` to serve its methods');
  }
}

/** Throws ERR_API, with the cause, for an api that no peer could be sent. Those made for each session are not looked at. */
export function checkSendable(api: Api, limits: Limits): void {
  if (typeof api === 'function') return;
  const none = {
    mention: () => 0,
    own: () => undefined,
    exposed: exposedParts,
    later: standsFor,
    stream: refuseStream,
  };
  try {
    encode([readableApi(api)], none, { extended: false, stacks: false, limits });
  } catch (cause) {
    throw new DserviceError('ERR_API', `the api cannot be sent: ${messageOf(cause)}`, { cause });
  }
}

/** The api of one session. A function is called with the remote (still empty) and the session. */
export function makeApi(
  api: Api | undefined,
  remote: Record<string, unknown>,
  session: SessionHandle,
): object {
  if (typeof api !== 'function') return api ?? {};
  const made: unknown =
    Object.getOwnPropertyDescriptor(api, 'prototype') === undefined
      ? // Without a prototype it is no constructor, so it is the other kind of function.
        (api as (remote: Record<string, unknown>, session: SessionHandle) => unknown)(
          remote,
          session,
        )
      : Reflect.construct(api, [remote, session]);
  checkApi(made);
  return made;
}

/** An api as it is sent: a getter that throws becomes a method that throws, so that its caller learns it. */
export function readableApi(api: object): object {
  const properties = Object.entries(Object.getOwnPropertyDescriptors(api));
  if (properties.every(([, property]) => property.get === undefined)) return api;
  const copy: Record<string, unknown> = {};
  for (const [key, property] of properties) {
    if (property.enumerable !== true) continue;
    try {
      copy[key] = Reflect.get(api, key);
    } catch (error) {
      copy[key] = () => {
        throw error;
      };
    }
  }
  return copy;
}
