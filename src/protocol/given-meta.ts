import { DserviceError } from '../errors.js';
import type { Limits } from '../limits.js';
import { fits } from './ascii.js';
import { isPlain } from './decode.js';
import { forbidden, type GivenMeta, isRecord } from './message.js';

/** Nesting of what a caller hands along. */
const depth = 32;
/** Values in it: one that stands in many places is one in each, and so are those within it. */
const most = 100_000;

const what = 'meta is a plain object of JSON';

/** Throws ERR_OPTION for what cannot be handed along. */
export function checkGiven(value: unknown): void {
  if (!isGiven(value)) throw new DserviceError('ERR_OPTION', what);
}

/** Whether that can be handed along: a plain object of what JSON holds, under no name that reaches behind the data. */
function isGiven(value: unknown): value is GivenMeta {
  return isRecord(value) && isJson(value, depth, { left: most });
}

function isJson(value: unknown, levels: number, room: { left: number }): boolean {
  if (room.left-- === 0) return false;
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return true;
  if (typeof value !== 'object') return Number.isFinite(value);
  const isData = isPlain(value) || Object.getPrototypeOf(value) === null;
  if (!isData || levels === 0) return false;
  return Object.entries(value).every(
    ([key, it]) => !forbidden.has(key) && isJson(it, levels - 1, room),
  );
}

/** The most bytes that it is in a message. Throws ERR_LIMIT for more than `limits.meta`. */
export function sizeOfGiven(given: GivenMeta, limits: Pick<Limits, 'meta'>): number {
  const text = JSON.stringify(given);
  if (fits(text, limits.meta)) return text.length * 3;
  const why = `the meta of a call has at most ${limits.meta} bytes as JSON`;
  throw new DserviceError('ERR_LIMIT', why, { mayHaveRun: false });
}

/** What a caller handed along. Throws ERR_LIMIT, and ERR_MALFORMED for what nobody may hand along. */
export function readGiven(value: unknown, limits: Pick<Limits, 'meta'>): GivenMeta {
  if (!isGiven(value)) {
    throw new DserviceError('ERR_MALFORMED', what, { mayHaveRun: false });
  }
  sizeOfGiven(value, limits);
  return value;
}
