import { DserviceError } from '../errors.js';
import type { Message } from './message.js';

/** The line that says why a session ends. */
export function writeClose({ code, message }: DserviceError): string {
  return JSON.stringify({ control: 'close', code, message });
}

/** Why the peer ended the session: `ERR_AUTH` as it is, anything else as a connection lost, with the cause. */
export function readClose({ code, message }: Message): DserviceError {
  const theirs = typeof code === 'string' ? code : 'ERR_CLOSED';
  const text = typeof message === 'string' ? message.slice(0, 1_000) : theirs;
  const ours = theirs === 'ERR_AUTH' ? 'ERR_AUTH' : 'ERR_CONNECTION_LOST';
  const cause = { code: theirs, message: text };
  return new DserviceError(ours, `the peer ended the session: ${text}`, { cause });
}
