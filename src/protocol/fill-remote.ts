import { isRecord } from './message.js';
import { callable } from './options.js';

/** Puts the peer's methods into the one object that stands for it, in place of what it held. */
export function fillRemote(remote: Record<string, unknown>, methods: unknown): void {
  for (const key of Object.getOwnPropertyNames(remote)) delete remote[key];
  if (!isRecord(methods)) return;
  for (const [key, value] of Object.entries(methods)) {
    // A promise must be able to hold a remote, and JSON to pass it by.
    if (key === 'then' || key === 'toJSON' || key === '__proto__') continue;
    remote[key] = value;
    giveName(value, key);
  }
}

function giveName(value: unknown, name: string): void {
  if (typeof value === 'function') {
    // All functions of a peer's api are stand-ins.
    const reference = (value as { [callable]?: { name: string } })[callable];
    if (reference !== undefined) reference.name = name;
  } else if (isRecord(value) && Object.getPrototypeOf(value) === Object.prototype) {
    for (const [key, inner] of Object.entries(value)) {
      if (typeof inner === 'function') giveName(inner, `${name}.${key}`);
    }
  }
}
