import type { AnyFunction } from './encode.js';
import { exposing } from './exposing.js';
import { isRecord } from './message.js';
import { methodOptions } from './method-options.js';
import { callable } from './options.js';
import { parametersOf } from './parameters.js';
import { ascii } from './ascii.js';

/** What is known of a method from afar, where it is known. */
export interface MethodInfo {
  /** Its parameters in order: `b?` may be left out, `...c` takes the rest, `{}` and `[]` are taken apart. */
  readonly params?: readonly string[];
  /** It may run twice. */
  readonly idempotent?: boolean;
  /** What it does, in a line. */
  readonly summary?: string;
}

/** What is known of the methods of an api, by path: `shout`, `admin.stop`. */
export type About = ReadonlyMap<string, MethodInfo>;

/** Bounds of what is told, and of what is believed: a peer may be of another build, or none. */
const mostCharacters = 16 * 1024;
const mostKept = 64 * 1024;
const mostMethods = 1_000;
const mostValues = 4_000;
const deepest = 8;
const longestSummary = 200;

/**
 * The key `about` of a `methods` (protocol page, section 2), led by a comma, or nothing: in ASCII, and at
 * most `room` characters. Where not all has room, what was said of methods goes before what was read off them.
 */
export function writeAbout(api: object, room: number): string {
  const said: [string, MethodInfo][] = [];
  const seen: [string, MethodInfo][] = [];
  for (const [path, fn] of methodsOf(api)) {
    const options = methodOptions(fn);
    const info = infoOf(fn);
    if (Object.keys(info).length > 0) (options === undefined ? seen : said).push([path, info]);
  }
  let left = Math.min(room, mostCharacters) - ',"about":{}'.length;
  const entries: string[] = [];
  for (const [path, info] of [...said, ...seen]) {
    const entry = ascii(`${JSON.stringify(path)}:${JSON.stringify(info)}`);
    left -= entry.length + 1;
    if (left < 0) break;
    entries.push(entry);
  }
  return entries.length === 0 ? '' : `,"about":{${entries.join(',')}}`;
}

function infoOf(fn: AnyFunction): MethodInfo {
  const { params = parametersOf(fn), idempotent, summary } = methodOptions(fn) ?? {};
  return {
    ...(params === undefined ? {} : { params }),
    ...(idempotent === true ? { idempotent } : {}),
    ...(summary === undefined ? {} : { summary: summary.slice(0, longestSummary) }),
  };
}

/** The methods of an api, as far as a look takes: groups within groups, each once. Runs no getter. */
function methodsOf(api: object): [path: string, fn: AnyFunction][] {
  const found: [string, AnyFunction][] = [];
  const met = new Set<object>();
  let left = mostValues;
  const visit = (group: object, before: string, depth: number): void => {
    if (met.has(group) || depth > deepest) return;
    met.add(group);
    const methods = exposing(group)?.methods(group);
    for (const key of methods?.keys() ?? Object.keys(group)) {
      if (left-- <= 0 || found.length >= mostMethods) return;
      const value: unknown =
        methods?.get(key) ?? Object.getOwnPropertyDescriptor(group, key)?.value;
      // What stands for a function elsewhere says nothing of it.
      if (typeof value === 'function') {
        if (!(callable in value)) found.push([`${before}${key}`, value as AnyFunction]);
      } else if (isRecord(value)) visit(value, `${before}${key}.`, depth + 1);
    }
  };
  visit(api, '', 0);
  return found;
}

/** What the peer's `methods` says of them. What is malformed, or too much, is left out. Never throws. */
export function readAbout(about: unknown): About {
  const read = new Map<string, MethodInfo>();
  if (!isRecord(about)) return read;
  let left = mostKept;
  for (const [path, info] of Object.entries(about)) {
    if (read.size >= mostMethods || !isRecord(info)) continue;
    const { params, idempotent, summary } = info;
    const known: MethodInfo = {
      ...(isNames(params) ? { params } : {}),
      ...(typeof idempotent === 'boolean' ? { idempotent } : {}),
      ...(typeof summary === 'string' ? { summary: summary.slice(0, longestSummary) } : {}),
    };
    left -= path.length + JSON.stringify(known).length;
    if (left < 0) break;
    read.set(path, known);
  }
  return read;
}

/** The same as text, in which it is kept until somebody asks: read, it takes four times as much of each session. */
export function keptAbout(about: unknown): string {
  const read = readAbout(about);
  return read.size === 0 ? '' : JSON.stringify([...read]);
}

/** What was kept. */
export function aboutOf(kept: string): About {
  // Our own text.
  return new Map(kept === '' ? [] : (JSON.parse(kept) as [string, MethodInfo][]));
}

function isNames(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.length <= 100 && value.every((it) => typeof it === 'string');
}
