import { DserviceError } from '../errors.js';
import type { Limits } from '../limits.js';
import { encode } from '../protocol/encode.js';
import { exposedParts } from '../protocol/exposing.js';
import { standsFor } from '../protocol/pipelining/recording.js';
import { plainJson } from '../protocol/quick.js';
import { outgoing } from '../protocol/streams/outgoing.js';

export interface JsonOptions {
  readonly limits: Limits;
  readonly stacks: boolean;
}

/** What the encoder adds to data that has neither functions nor cycles. */
const bare = ',"callbacks":{},"links":[]';

const noFunctions = {
  mention(): never {
    throw new DserviceError('ERR_DATA', 'a function cannot be sent by JSON-RPC');
  },
  stream(value: object): undefined {
    const isSignal = value instanceof AbortSignal;
    if (!isSignal && outgoing(value) === undefined) return;
    const what = isSignal ? 'an AbortSignal' : 'a stream';
    throw new DserviceError('ERR_DATA', `${what} cannot be sent by JSON-RPC`);
  },
  own: () => undefined,
  exposed: exposedParts,
  later: standsFor,
};

/**
 * The JSON of a list of values, each as a plain dnode peer gets it: a Date as ISO text, undefined and NaN as
 * null. Throws ERR_DATA for what JSON cannot hold (functions, cycles, bigints), ERR_LIMIT.
 */
export function toJson(values: readonly unknown[], { limits, stacks }: JsonOptions): string {
  const text = encode(values, noFunctions, { extended: false, stacks, limits, plainJson });
  if (text.endsWith(bare)) return text.slice(0, -bare.length);
  throw new DserviceError('ERR_DATA', 'what refers to itself cannot be sent by JSON-RPC');
}

/** As `toJson`, of one value. */
export function valueToJson(value: unknown, options: JsonOptions): string {
  return toJson([value], options).slice(1, -1);
}
