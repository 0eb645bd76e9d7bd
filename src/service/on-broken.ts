import { DserviceError } from '../errors.js';
import {
  behind,
  broken,
  type BrokenListener,
  callable,
  type Callable,
} from '../protocol/options.js';
import { pending } from '../protocol/pipelining/ahead.js';
import { itselfOf } from '../protocol/remote-object.js';
import { isObject } from '../rules.js';
import { onEnd, sessionAmong } from './behind.js';

type Watch = (listener: BrokenListener) => () => void;

const ignore = (): void => {};

/**
 * Calls `listener`, once and in a turn of its own, when what is the peer's can be used no more: its session has ended,
 * it was released, or the call whose outcome it is to be has failed. At once, where that is so already. A session
 * that goes on over another channel is no end of it, and an instance that goes is none of a service's remote.
 * What nobody holds any more is forgotten, and its listener with it. Returns what takes the listener away.
 * Throws ERR_STATE for what is nobody's: a remote, a function or an object that was passed, a promise of a call, a
 * session or a connection is wanted.
 */
export function onBroken(remote: object, listener: BrokenListener): () => void {
  let done = false;
  let taken = false;
  let stop = ignore;
  const tell = (why: unknown): void => {
    if (done) return;
    done = true;
    stop();
    queueMicrotask(() => {
      // What it throws is its program's own exception.
      if (!taken) listener(asBroken(why));
    });
  };
  const promise = promiseOf(remote);
  if (promise === undefined) stop = watched(remote)(tell);
  else {
    promise.then((value) => {
      const watch = isObject(value) || typeof value === 'function' ? watchOf(value) : undefined;
      if (!done && watch !== undefined) stop = watch(tell);
    }, tell);
  }
  // It may have been told at once, before there was anything to stop.
  if (done) stop();
  return () => {
    done = taken = true;
    stop();
  };
}

function watched(remote: object): Watch {
  const watch = watchOf(remote);
  if (watch !== undefined) return watch;
  throw new DserviceError('ERR_STATE', 'this is nothing of a peer, nor a promise of that');
}

/** A promise of a call, or of what will stand in its outcome. */
function promiseOf(remote: object): Promise<unknown> | undefined {
  if (remote instanceof Promise) return remote;
  const value: unknown = Reflect.get(remote, pending);
  return value instanceof Promise ? value : undefined;
}

function watchOf(remote: object, met = new Set<object>()): Watch | undefined {
  if (met.has(remote)) return undefined;
  met.add(remote);
  // Only remotes carry the symbols.
  const many = Reflect.get(remote, broken) as Watch | undefined;
  if (many !== undefined) return many;
  const own = Reflect.get(itselfOf(remote) ?? remote, callable) as Callable | undefined;
  if (own !== undefined) return own.onBroken && ((listener) => own.onBroken?.(listener) ?? ignore);
  const session = sessionAmong(Reflect.get(remote, behind), remote);
  if (session !== undefined) return (listener) => onEnd(session, listener);
  // An object that was passed by reference is one of functions.
  for (const value of Object.values(remote) as unknown[]) {
    const found = isObject(value) || typeof value === 'function' ? watchOf(value, met) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}

function asBroken(cause: unknown): DserviceError {
  if (DserviceError.is(cause)) return cause;
  const why = cause instanceof Error ? `: ${cause.message}` : '';
  return new DserviceError('ERR_REFERENCE', `the call that it is to come of failed${why}`, {
    cause,
  });
}
