import type { InstanceRecord, InstanceState, Rely } from '../../src/discovery/record.js';

/**
 * The TXT record of an instance (RFC 6763 §6). Keys:
 *
 * | key | value |
 * |---|---|
 * | `n` | the service's name |
 * | `v` | its version; `0.0.0` when missing |
 * | `id` | the instance's id, 16 hex digits |
 * | `s` | its state; `up` when missing |
 * | `r` | what it relies on: `name@range`, `?` before optional ones, separated by commas; `%2C` and `%25` for `,` and `%` in a range |
 * | `p` | no value: `r` was over 900 bytes and is left out; the instance tells it itself |
 * | `d` | no value: degraded, a hard dependency was lost |
 * | `e` | the network endpoints without their host (endpoints.ts) |
 * | `u` | the path of a unix socket, on loopback only |
 *
 * A string of a TXT record holds 255 bytes, so a longer value goes on in the keys with 1, 2, …
 * after it: `r`, `r1`, `r2`.
 */
export interface TxtFields {
  readonly name: string;
  readonly version: string;
  /** Undefined when the announcer is another stack that has none. */
  readonly id: string | undefined;
  readonly state: InstanceState;
  readonly relies: readonly Rely[];
  readonly partial: boolean;
  readonly degraded: boolean;
  readonly e: string | undefined;
  readonly u: string | undefined;
}

const maxRelies = 900;
const maxBytes = 1300; // RFC 6763 §6.2: the whole must fit into one packet, with the rest
const maxString = 255;
const maxParts = 9;

/** The strings of the TXT record, `n` first. */
export function encodeTxt(
  record: InstanceRecord,
  endpoints: { readonly e: string | undefined; readonly u: string | undefined },
): Uint8Array[] {
  const relies = record.relies.map(encodeRely).join(',');
  const strings: Uint8Array[] = [];
  add(strings, 'n', record.name);
  add(strings, 'v', record.version);
  add(strings, 'id', record.id);
  add(strings, 's', record.state);
  if (record.degraded === true) strings.push(flag('d'));
  if (endpoints.u !== undefined) add(strings, 'u', endpoints.u);
  if (endpoints.e !== undefined) add(strings, 'e', endpoints.e);
  const rest = maxBytes - byteSize(strings);
  const partial = record.partial === true || Buffer.byteLength(relies) > Math.min(maxRelies, rest);
  if (partial) strings.push(flag('p'));
  else if (relies !== '') add(strings, 'r', relies);
  return strings;
}

function byteSize(strings: readonly Uint8Array[]): number {
  return strings.reduce((sum, string) => sum + string.length + 1, 0);
}

function add(strings: Uint8Array[], key: string, value: string): void {
  const bytes = Buffer.from(value);
  const parts = Math.max(1, Math.ceil(bytes.length / (maxString - 3 - key.length)));
  // What does not fit into so many strings is cut; names, versions and paths are far shorter.
  for (let part = 0; part < Math.min(parts, maxParts); part++) {
    const size = maxString - 3 - key.length;
    const slice = bytes.subarray(part * size, (part + 1) * size);
    strings.push(
      Uint8Array.from(Buffer.concat([Buffer.from(`${key}${part === 0 ? '' : part}=`), slice])),
    );
  }
}

/** A key without a value: that it is there says it all. */
function flag(key: string): Uint8Array {
  return Uint8Array.from(Buffer.from(key));
}

function encodeRely({ name, range, optional }: Rely): string {
  const escaped = range.replace(/[%,]/g, (char) => (char === ',' ? '%2C' : '%25'));
  return `${optional === true ? '?' : ''}${name}@${escaped}`;
}

/** Undefined when these are not an instance's: no `n`, or something that cannot be read. Never throws. */
export function decodeTxt(strings: readonly Uint8Array[]): TxtFields | undefined {
  const values = readKeys(strings);
  const text = (key: string) => joined(values, key);
  const name = text('n');
  const version = text('v') ?? '0.0.0';
  const state = text('s') ?? 'up';
  if (name === undefined || !isName(name) || !isVersion(version) || !isState(state)) {
    return undefined;
  }
  const id = text('id')?.toLowerCase();
  const relies = decodeRelies(text('r') ?? '');
  return {
    name,
    version,
    id: id !== undefined && isId(id) ? id : undefined,
    state,
    relies: relies ?? [],
    partial: values.has('p') || relies === undefined,
    degraded: values.has('d'),
    e: text('e'),
    u: text('u'),
  };
}

/** Keys are compared without regard to case, and the first of a key counts (RFC 6763 §6.4). */
function readKeys(strings: readonly Uint8Array[]): Map<string, Buffer> {
  const values = new Map<string, Buffer>();
  for (const string of strings) {
    const bytes = Buffer.from(string.buffer, string.byteOffset, string.byteLength);
    const equals = bytes.indexOf('=');
    const key = bytes
      .subarray(0, equals === -1 ? bytes.length : equals)
      .toString('latin1')
      .toLowerCase();
    if (key === '' || values.has(key)) continue;
    values.set(key, equals === -1 ? Buffer.alloc(0) : bytes.subarray(equals + 1));
  }
  return values;
}

function joined(values: ReadonlyMap<string, Buffer>, key: string): string | undefined {
  const first = values.get(key);
  if (first === undefined) return undefined;
  const parts = [first];
  for (let part = 1; part < maxParts; part++) {
    const next = values.get(`${key}${part}`);
    if (next === undefined) break;
    parts.push(next);
  }
  return Buffer.concat(parts).toString('utf8');
}

function decodeRelies(text: string): Rely[] | undefined {
  if (text === '') return [];
  const relies: Rely[] = [];
  for (const item of text.split(',')) {
    const match = /^(\??)([a-z0-9.-]{1,63})@(.*)$/s.exec(item);
    if (match === null) return undefined;
    const [, optional, name = '', escaped = ''] = match;
    const range = escaped.replace(/%2C/gi, ',').replace(/%25/g, '%');
    relies.push(optional === '?' ? { name, range, optional: true } : { name, range });
  }
  return relies;
}

export function isName(name: string): boolean {
  return /^[a-z0-9.-]{1,63}$/.test(name);
}

export function isId(id: string): boolean {
  return /^[0-9a-f]{16}$/.test(id);
}

function isState(state: string): state is InstanceState {
  return state === 'waiting' || state === 'up' || state === 'draining' || state === 'stuck';
}

/** An exact version, by the grammar of semver.org. */
function isVersion(version: string): boolean {
  return (
    version.length <= 256 &&
    /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?(\+[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?$/.test(
      version,
    )
  );
}
