import type { MethodInfo } from '../protocol/about.js';
import { isRecord } from '../protocol/message.js';
import { sessionBehind } from './behind.js';

/** A method of a peer's, with what is known of it. */
export interface MethodDescription extends MethodInfo {
  /** Its path: `shout`, `admin.stop`. */
  readonly name: string;
}

/** What a peer says of itself. */
export interface Description {
  /** Name, version and instance id of a service; undefined of what is none, and of plain peers. */
  readonly name: string | undefined;
  readonly version: string | undefined;
  readonly instance: string | undefined;
  readonly methods: readonly MethodDescription[];
}

/**
 * Describes who is behind a remote, a connection or a session: for a service's remote, one of its
 * instances. Rejects with ERR_STATE for anything else, and with why there is no instance.
 */
export async function describe(target: object): Promise<Description> {
  const { hello, remote, about } = await sessionBehind(target);
  const { name, version, id: instance } = hello?.service ?? {};
  const methods = methodsIn(remote, '', new Set()).map((path) => ({
    ...about.get(path),
    name: path,
  }));
  return { name, version, instance, methods };
}

/** Each group once: the same in many places is as many paths as a peer likes, which end nowhere in a circle. */
function methodsIn(group: object, before: string, met: Set<object>): string[] {
  if (met.has(group)) return [];
  met.add(group);
  return Object.entries(group).flatMap(([key, value]) => {
    if (typeof value === 'function') return `${before}${key}`;
    return isRecord(value) ? methodsIn(value, `${before}${key}.`, met) : [];
  });
}
