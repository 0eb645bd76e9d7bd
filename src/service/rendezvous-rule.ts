import { isObject, type Rule } from './option-rules.js';

const isPlace = (value: unknown): boolean =>
  typeof value === 'string' ||
  typeof value === 'function' ||
  (isObject(value) && 'url' in value && typeof value.url === 'string');

/** What the option `rendezvous` must be. */
export const rendezvousRule: Rule = {
  says: 'a URL, { url, auth }, a function that gives a port, or a list of those',
  ok: (value) => (Array.isArray(value) ? value.length > 0 && value.every(isPlace) : isPlace(value)),
};
