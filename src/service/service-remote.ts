import {
  behind,
  broken,
  type BrokenListener,
  callable,
  type Callable,
  type CallOptions,
  dispose,
} from '../protocol/options.js';
import type { SessionBehind } from './behind.js';
import { each, type Each } from './everyone.js';

/** What calls for a remote: those of a service, or of one peer that does not tell what it has. */
export interface RemoteCaller {
  /** Calls the function at a path. Never throws. */
  call(path: readonly string[], args: unknown[], given: CallOptions | undefined): Promise<unknown>;
  /** What is known to stand at a path. */
  peek(path: readonly string[]): unknown;
  /** What was assigned could not be written, with nobody to tell. */
  untold?(error: unknown): void;
  /** A session with whom it calls. */
  session?(): Promise<SessionBehind>;
  /** Calls each of those that it stands for. */
  each?: Each;
  /** No more calls. */
  release(): void;
  /** Tells when no more calls can be made; returns what takes that back. */
  onBroken?(listener: BrokenListener): () => void;
}

/**
 * A remote that stands for a service, not for one instance. Its functions are there whether or not an
 * instance is: they say at the call what is missing.
 */
export function serviceRemote(caller: RemoteCaller): object {
  return level(caller, [], {
    ...(caller.session === undefined ? {} : { [behind]: () => caller.session?.() }),
    ...(caller.each === undefined ? {} : { [each]: caller.each }),
    [broken]: (listener: BrokenListener) => caller.onBroken?.(listener) ?? (() => {}),
    [dispose]: () => caller.release(),
    [Symbol.asyncDispose ?? Symbol.for('Symbol.asyncDispose')]: () => {
      caller.release();
      return Promise.resolve();
    },
  });
}

function level(caller: RemoteCaller, path: readonly string[], own: object): object {
  const made = new Map<string, object>();
  const at = (key: string, there: unknown): unknown => {
    // Data is what it is at the moment; functions stay good when the instance changes.
    if (there !== undefined && !hasFunction(there)) return there;
    let child = made.get(key);
    if (child === undefined) made.set(key, (child = method(caller, [...path, key])));
    return child;
  };
  return new Proxy(own, {
    get(target, key): unknown {
      if (key === Symbol.toPrimitive) return () => '[remote]';
      if (typeof key === 'symbol') return Reflect.get(target, key);
      // A promise must be able to hold a remote, and JSON to pass it by.
      if (key === 'then' || key === 'toJSON') return undefined;
      return at(key, caller.peek([...path, key]));
    },
    set(target, key, value): boolean {
      const name = `=${String(key)}`;
      if (typeof key === 'symbol' || typeof caller.peek([...path, name]) !== 'function') {
        return Reflect.set(target, key, value);
      }
      caller.call([...path, name], [value], undefined).catch((error) => caller.untold?.(error));
      return true;
    },
    has: (target, key) =>
      key in target || (typeof key === 'string' && caller.peek([...path, key]) !== undefined),
    // The remote stands for many: what it holds is asked for by name.
    ownKeys: (target) => Reflect.ownKeys(target),
  });
}

/** Whether a value of an api is a function, or a group of them. It is a peer's: the same may stand in many places, and in itself. */
function hasFunction(value: unknown, met = new Set<object>()): boolean {
  if (typeof value === 'function') return true;
  if (typeof value !== 'object' || value === null || met.has(value)) return false;
  if (Object.getPrototypeOf(value) !== Object.prototype) return false;
  met.add(value);
  return Object.values(value).some((inner) => hasFunction(inner, met));
}

/** A function at a path, through which what lies deeper is reached as well. */
function method(caller: RemoteCaller, path: readonly string[]): object {
  const behind: Callable = {
    call: (args, given) => caller.call(path, args, given),
    release: () => {},
    onBroken: (listener) => caller.onBroken?.(listener) ?? (() => {}),
  };
  function call(...args: unknown[]): Promise<unknown> {
    return caller.call(path, args, new.target === undefined ? undefined : { construct: true });
  }
  const inner = level(caller, path, {});
  return new Proxy(call, {
    get(target, key): unknown {
      if (key === callable) return behind;
      if (key === dispose) return behind.release;
      if (typeof key === 'symbol') return Reflect.get(target, key);
      // What every function has, unless the api has something of that name.
      const plain = key in Function.prototype && caller.peek([...path, key]) === undefined;
      return Reflect.get(plain ? target : inner, key);
    },
    set: (_target, key, value) => Reflect.set(inner, key, value),
  });
}
