/**
 * Where a call stands in a trace, as W3C writes it (https://www.w3.org/TR/trace-context/): the headers'
 * values, without their names.
 */
export interface TraceContext {
  /** `00-<32 hex digits of the trace>-<16 of the span>-<flags>` */
  readonly traceparent: string;
  /** What vendors add: `key=value`, separated by commas; 512 characters and 32 of them at most. */
  readonly tracestate?: string;
}

/** Section 3.2: a version, the trace, the span that calls, flags; of later versions, more may follow. */
const parent = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const zeros = /^0+$/;

/** Section 3.3.1.3. */
const member =
  /^[a-z0-9][a-z0-9_\-*/@]{0,255}=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]$/;
const mostMembers = 32;
const mostCharacters = 512;
/** So much is looked at, to find what has room. */
const mostRead = 16 * mostCharacters;
/** Members longer than this go first, where not all have room. */
const longMember = 128;

/** Reads both values, which may be anything. What is malformed is left out, and `tracestate` with its `traceparent`. */
export function readTrace(traceparent: unknown, tracestate: unknown): TraceContext | undefined {
  const read = readParent(traceparent);
  if (read === undefined) return undefined;
  const state = readState(tracestate);
  return state === undefined ? { traceparent: read } : { traceparent: read, tracestate: state };
}

function readParent(text: unknown): string | undefined {
  if (typeof text !== 'string') return undefined;
  const [, version, trace = '', span = '', flags = '', more] = parent.exec(text) ?? [];
  if (version === undefined || version === 'ff' || zeros.test(trace) || zeros.test(span)) {
    return undefined;
  }
  if (version === '00') return more === undefined ? text : undefined;
  // Of a later version only this is understood, and it is passed on as the one that is spoken here.
  return `00-${trace}-${span}-0${Number.parseInt(flags, 16) & 1}`;
}

function readState(text: unknown): string | undefined {
  if (typeof text !== 'string' || text.length > mostRead) return undefined;
  const all = text
    .split(',')
    .map((each) => each.trim())
    .filter(Boolean);
  if (all.length === 0 || all.length > mostMembers) return undefined;
  if (!all.every((each) => member.test(each))) return undefined;
  return fitting(fitting(all, longMember), 0).join(',') || undefined;
}

/** Without the last members that are longer than so much, as far as there is no room for all. */
function fitting(all: readonly string[], longest: number): readonly string[] {
  const left = [...all];
  let size = left.join(',').length;
  for (let i = left.length - 1; i >= 0 && size > mostCharacters; i--) {
    const each = left[i] ?? '';
    if (each.length <= longest) continue;
    left.splice(i, 1);
    size -= each.length + 1;
  }
  return left;
}
