import type { Channel } from '../channel/channel.js';
import { DserviceError, type ErrorCode } from '../errors.js';
import type { Message } from './message.js';

/** The line that says why a session ends. */
export function writeClose({ code, message }: DserviceError): string {
  return JSON.stringify({ control: 'close', code, message });
}

/** What a peer is told for which there is no room. */
export const full = (): DserviceError =>
  new DserviceError('ERR_BUSY', 'there are as many sessions as may be');

/** The line that says that a session ends in good order: by itself, the end of a stream does not. */
export const closeWell = /* @__PURE__ */ JSON.stringify({ control: 'close', code: 'ERR_CLOSED' });

/**
 * Why the peer ended the session: `ERR_AUTH` as it is, anything else as a connection lost, with the cause;
 * undefined where it did so in good order.
 */
export function readClose({ code, message }: Message): DserviceError | undefined {
  if (code === 'ERR_CLOSED') return undefined;
  const theirs = typeof code === 'string' ? code : 'ERR_CLOSED';
  const text = typeof message === 'string' ? message.slice(0, 1_000) : theirs;
  const ours = theirs === 'ERR_AUTH' ? 'ERR_AUTH' : 'ERR_CONNECTION_LOST';
  const cause = { code: theirs, message: text };
  return new DserviceError(ours, `the peer ended the session: ${text}`, { cause });
}

/**
 * What is wrong where a channel ends without an error and the peer has not said that it would: a stream of
 * bytes ends the same way when a process does, or something between the two. Messages end by a word of
 * their transport's, so there it is nothing.
 */
export function untold({ framing }: Pick<Channel, 'framing'>): DserviceError | undefined {
  if (framing !== 'bytes') return undefined;
  return new DserviceError('ERR_CONNECTION_LOST', 'the connection ended without a word');
}

/** What a session ends with whose channel ended with `cause`; undefined, in good order. */
export function lossOf(cause: Error | undefined): DserviceError | undefined {
  if (cause === undefined || DserviceError.is(cause)) return cause;
  const text = `the connection was lost: ${cause.message}`;
  return new DserviceError('ERR_CONNECTION_LOST', text, { cause });
}

/** Why nothing goes on: the error by which a session ended, as what waits for the peer has it. */
export function whyOver(error: DserviceError | undefined, code: ErrorCode): DserviceError {
  if (error?.code === 'ERR_AUTH') code = error.code;
  const closed = code === 'ERR_CLOSED' ? 'the session was closed' : 'the peer ended the connection';
  return new DserviceError(code, error?.message ?? closed, { cause: error });
}
