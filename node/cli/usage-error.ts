import { faultText } from './fault.js';

/** The command line was wrong: the user is told how it is meant, and the exit code is 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** Runs what checks something that the user typed: whatever it throws is an error of usage. */
export function checked<T>(check: () => T): T {
  try {
    return check();
  } catch (cause) {
    if (cause instanceof UsageError) throw cause;
    throw new UsageError(faultText(cause), { cause });
  }
}
