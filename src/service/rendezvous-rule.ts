import type { Rule } from './option-rules.js';

const isPlace = (value: unknown): boolean =>
  typeof value === 'string' || typeof value === 'function';

/** What the option `rendezvous` must be. */
export const rendezvousRule: Rule = {
  says: 'a URL, a function that gives a port, or a list of those',
  ok: (value) => (Array.isArray(value) ? value.length > 0 && value.every(isPlace) : isPlace(value)),
};
