import { DserviceError } from '../errors.js';

/** Services that are remembered of a chain of calls: enough to see a loop through a hundred of them. */
export const longestChain = 1_000;

/** So often a chain may come back to a service, where nothing else is said. */
export const usualVisits = 8;

/** Names of a loop that an error tells. */
const mostTold = 20;

/** A service, as chains of calls know it. */
export interface Stop {
  readonly name: string;
  readonly maxVisits?: number | undefined;
}

/**
 * The services that a call has passed, oldest first, once it has come to this one. Throws ERR_CALL_CYCLE
 * where it has come back too often.
 */
export function arrive(
  path: readonly string[] | undefined,
  { name, maxVisits = usualVisits }: Stop,
  method: string,
): readonly string[] {
  if (path === undefined) return [name];
  const visits = path.reduce((count, each) => (each === name ? count + 1 : count), 0);
  if (visits <= maxVisits) return [...path, name];
  const loop = path.slice(path.lastIndexOf(name) + 1).slice(-mostTold);
  const chain = [name, ...loop, name].join(' → ');
  const text = `a call came back to ${name} more than ${maxVisits} times: ${chain}`;
  throw new DserviceError('ERR_CALL_CYCLE', text, { service: name, method, mayHaveRun: false });
}
