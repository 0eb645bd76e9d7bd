import { defaultLimits } from '../limits.js';
import { isObject, type Rule } from '../rules.js';

export * from '../rules.js';

export const limits: Rule = {
  says: `an object of positive numbers: ${Object.keys(defaultLimits).join(', ')}`,
  ok: (value) =>
    isObject(value) &&
    Object.entries(value).every(
      ([key, limit]) => Object.hasOwn(defaultLimits, key) && typeof limit === 'number' && limit > 0,
    ),
};
