import { DserviceError } from '../errors.js';
import { messageOf } from '../protocol/encode.js';
import { fillError, makeError } from '../protocol/error-value.js';
import { isRecord } from '../protocol/message.js';
import { type JsonOptions, valueToJson } from './json.js';

/** Codes of the specification (section 5.1), and the one for all errors of handlers and services. */
export const codes = {
  parse: -32_700,
  request: -32_600,
  method: -32_601,
  params: -32_602,
  internal: -32_603,
  server: -32_000,
} as const;

/** Whether an error of a handler's may keep its code: what the specification leaves to programs. */
function isFree(code: unknown): code is number {
  return Number.isSafeInteger(code) && !(Number(code) >= -32_768 && Number(code) <= -32_000);
}

/**
 * The JSON of an error object: `code`, `message`, and as `data` what a plain dnode peer would get (name,
 * message, code, own data; no stack unless it is allowed). Without a code, that of a handler's error: its own
 * where it is a number that programs may use, else -32000. Never throws.
 */
export function writeFault(thrown: unknown, options: JsonOptions, code?: number): string {
  try {
    const own: unknown = isRecord(thrown) ? thrown.code : undefined;
    const number = code ?? (isFree(own) ? own : codes.server);
    const text = thrown instanceof Error ? messageOf(thrown) : 'no error was thrown, but data';
    const message = JSON.stringify(text);
    return `{"code":${number},"message":${message},"data":${writeData(thrown, options)}}`;
  } catch {
    // A getter or a proxy may throw whatever is asked of it.
    const message = messageOf(thrown);
    const data = { name: 'Error', message };
    return JSON.stringify({ code: code ?? codes.server, message, data });
  }
}

function writeData(thrown: unknown, options: JsonOptions): string {
  try {
    return valueToJson(thrown instanceof Error ? thrown : { thrown }, options);
  } catch {
    const name = thrown instanceof Error ? String(thrown.name) : 'Error';
    return JSON.stringify({ name, message: messageOf(thrown) });
  }
}

/** The error of which an error object tells. Anything may stand in it. */
export function readFault(value: unknown, method: string): unknown {
  const { code, message, data } = isRecord(value) ? value : {};
  const text = typeof message === 'string' ? message : 'the call failed, and it is not said why';
  if (isRecord(data)) {
    if (typeof data.name === 'string') {
      const error = makeError({ message: text, ...data });
      fillError(error, data);
      return error;
    }
    if (Object.hasOwn(data, 'thrown')) return data.thrown;
  }
  // Somebody else's server. What it says of the request itself, it says before anything has run.
  if (code === codes.method) {
    return new DserviceError('ERR_METHOD', text, { method, mayHaveRun: false });
  }
  if (code === codes.parse || code === codes.request) {
    return new DserviceError('ERR_MALFORMED', text, { method, mayHaveRun: false });
  }
  const error = new Error(text);
  return Object.assign(error, { code }, data === undefined ? {} : { data });
}
