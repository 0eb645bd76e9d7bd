import { DserviceError } from '../errors.js';
import { defaultLimits } from '../limits.js';
import type { CallContext } from '../protocol/context.js';
import type { Meta } from '../protocol/message.js';
import { givenTrace, readMeta } from '../protocol/meta.js';
import type { CallOptions } from '../protocol/options.js';

/** Where a call's metadata stands in HTTP: ms left, idempotency key, W3C trace context, services passed. */
const names = {
  deadline: 'x-dservice-deadline',
  key: 'idempotency-key',
  traceparent: 'traceparent',
  tracestate: 'tracestate',
  path: 'x-dservice-path',
} as const;

/** Services passed that a header names. */
const longest = 100;

/** The metadata of a request; what is no such thing is left out. */
export function metaOf(header: (name: string) => string | undefined): Meta {
  const deadline = header(names.deadline);
  return readMeta(
    {
      deadline:
        deadline !== undefined && /^\d{1,15}$/.test(deadline) ? Number(deadline) : undefined,
      key: header(names.key),
      traceparent: header(names.traceparent),
      tracestate: header(names.tracestate),
      path: header(names.path)?.split(','),
    },
    defaultLimits,
  );
}

/** The headers of a call's metadata: its own, and of the call in whose service it is made. Throws ERR_DATA. */
export function headersOf(
  given: CallOptions | undefined,
  current: CallContext | undefined,
  deadline: number | undefined,
): Record<string, string> {
  if (given?.meta !== undefined) {
    throw new DserviceError('ERR_DATA', 'JSON-RPC has no place for the meta of a call');
  }
  const trace = givenTrace(given) ?? current?.meta;
  // Of a long chain the end: a server takes 16 KiB of headers, and a loop is seen there as well.
  const path = (given?.path ?? current?.passed)?.slice(-longest);
  const all = {
    [names.deadline]: deadline === undefined ? undefined : String(Math.ceil(deadline)),
    [names.key]: given?.key,
    [names.traceparent]: trace?.traceparent,
    [names.tracestate]: trace?.tracestate,
    [names.path]: path?.join(','),
  };
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(all)) {
    if (value === undefined) continue;
    if (!isHeader(value)) throw new DserviceError('ERR_DATA', `${name} has what no header may`);
    headers[name] = value;
  }
  return headers;
}

/** Whether a text can stand in a header as it is: visible ASCII, spaces within. */
function isHeader(text: string): boolean {
  return /^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/.test(text);
}
