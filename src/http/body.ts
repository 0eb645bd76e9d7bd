import { DserviceError } from '../errors.js';
import type { Limits } from '../limits.js';
import { measure } from '../protocol/measure.js';
import { isRecord } from '../protocol/message.js';

/** What a request brings. */
export interface Body {
  /** Messages, each a line. */
  readonly lines: string;
  /** The hello that stands first, if there is one: unchecked. */
  readonly hello: unknown;
  /** Whether it was one JSON text, a list of messages: so is the answer then. */
  readonly list: boolean;
}

/** Reads a body: messages, each a line, or a list of them. Throws ERR_LIMIT, ERR_MALFORMED. */
export function readBody(text: string, limits: Pick<Limits, 'batch' | 'depth' | 'nodes'>): Body {
  const most = limits.batch;
  const list = /^\s*\[/.test(text);
  const lines = list ? linesOf(text, limits) : text;
  const hello = helloOf(lines);
  const room = hello === undefined ? most : most + 1;
  let count = 0;
  for (let at = 0; at < lines.length && count <= room; count++) {
    at = lines.indexOf('\n', at) + 1 || lines.length;
  }
  if (count > room) throw new DserviceError('ERR_LIMIT', `a batch has at most ${most} messages`);
  return { lines, hello, list };
}

const statuses: Readonly<Record<string, number>> = { ERR_LIMIT: 413, ERR_BUSY: 503 };

/** What is answered to a body that cannot be read: a status, and why. */
export function unread(error: unknown): [status: number, text: string] {
  if (!DserviceError.is(error)) return [400, 'The body was cut off.'];
  return [statuses[error.code] ?? 400, error.message];
}

export function tooLarge(): DserviceError {
  return new DserviceError('ERR_LIMIT', 'the body is too large');
}

export function malformed(why: string): DserviceError {
  return new DserviceError('ERR_MALFORMED', `the body cannot be read: ${why}`);
}

/** The messages of a list, each a line. Throws ERR_LIMIT, before any of it is made, and ERR_MALFORMED. */
function linesOf(text: string, { depth, nodes }: Pick<Limits, 'depth' | 'nodes'>): string {
  // The list is a level of its own.
  const over = measure(text, { depth: depth + 1, nodes });
  if (over !== undefined) throw new DserviceError('ERR_LIMIT', `the list ${over.what}`);
  try {
    const messages = JSON.parse(text) as unknown[];
    return messages.map((message) => JSON.stringify(message)).join('\n');
  } catch (cause) {
    // Also for one that is nested too deep to be written again.
    throw new DserviceError('ERR_MALFORMED', 'the body is no list of messages', { cause });
  }
}

/** The hello of a first line, if it is one. What is wrong with that line is its reader's to tell. */
function helloOf(lines: string): unknown {
  if (!lines.startsWith('{"method":"methods"')) return undefined;
  try {
    const message: unknown = JSON.parse(lines.split('\n', 1)[0] ?? '');
    return isRecord(message) ? message.dservice : undefined;
  } catch {
    return undefined;
  }
}
