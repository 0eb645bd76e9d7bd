import { DserviceError } from './errors.js';

/** What an option must be. */
export interface Rule {
  readonly says: string;
  ok(value: unknown): boolean;
}

export const text: Rule = {
  says: 'a string',
  ok: (value) => typeof value === 'string' && value !== '',
};
export const texts: Rule = {
  says: 'a list of strings',
  ok: (value) => Array.isArray(value) && value.every((each) => typeof each === 'string'),
};
export const flag: Rule = { says: 'true or false', ok: (value) => typeof value === 'boolean' };
export const time: Rule = {
  says: 'a positive number of milliseconds',
  ok: (value) => typeof value === 'number' && value > 0,
};

/** A whole number, at least so large. */
export function whole(least: number): Rule {
  const ok = (value: unknown): boolean => Number.isSafeInteger(value) && Number(value) >= least;
  return { says: `a whole number, at least ${least}`, ok };
}

export const object: Rule = { says: 'an object', ok: isObject };
export const fn: Rule = { says: 'a function', ok: (value) => typeof value === 'function' };
export const port: Rule = {
  says: 'a port, 0 to 65535',
  ok: (value) => Number.isInteger(value) && Number(value) >= 0 && Number(value) < 65_536,
};
export const logger: Rule = {
  says: 'an object with a function `warn`',
  ok: (value) => isObject(value) && 'warn' in value && typeof value.warn === 'function',
};
export const signal: Rule = {
  says: 'an AbortSignal',
  ok: (value) => isObject(value) && 'aborted' in value && 'addEventListener' in value,
};
/** What goes into the hello. */
export const json: Rule = {
  says: 'something that JSON can hold',
  ok(value) {
    try {
      return JSON.stringify(value) !== undefined;
    } catch {
      return false;
    }
  },
};

export function oneOf(...values: readonly string[]): Rule {
  const ok = (value: unknown): boolean => values.some((each) => each === value);
  return { says: values.map((value) => `'${value}'`).join(' or '), ok };
}

export function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

/** Throws ERR_OPTION for what is no option of `what`, or of a wrong type. */
export function check(what: string, options: object, rules: Readonly<Record<string, Rule>>): void {
  if (!isObject(options)) throw wrong(`the options of ${what} are an object`);
  for (const [key, value] of Object.entries(options)) {
    const rule = Object.hasOwn(rules, key) ? rules[key] : undefined;
    if (rule === undefined) {
      throw wrong(`"${key}" is no option of ${what}: ${Object.keys(rules).join(', ')} are`);
    }
    if (value !== undefined && !rule.ok(value)) throw wrong(`\`${key}\` is ${rule.says}`);
  }
}

function wrong(text: string): DserviceError {
  return new DserviceError('ERR_OPTION', text);
}
