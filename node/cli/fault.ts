import { DserviceError } from '../../src/errors.js';
import { toText } from './json.js';
import { harmless } from './style.js';

/** What went wrong, in a line: `code: message`, where it has a code. */
export function faultText(error: unknown): string {
  if (!(error instanceof Error)) {
    return harmless(`Error: ${typeof error === 'string' ? error : toText(error)}`, { lines: true });
  }
  const { message } = error;
  const code: unknown = 'code' in error ? error.code : undefined;
  const label = typeof code === 'string' && code !== '' ? code : error.name;
  // Node's own errors begin with their code.
  const text = message.startsWith(`${label}: `) ? message : `${label}: ${message}`;
  const ran =
    DserviceError.is(error) && error.mayHaveRun === true ? ' (the call may have run)' : '';
  return harmless(text + ran, { lines: true });
}
