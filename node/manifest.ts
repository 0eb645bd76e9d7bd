import { readFile, realpath } from 'node:fs/promises';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { cwd } from 'node:process';
import { checkName } from '../src/discovery/check-record.js';
import type { Rely } from '../src/discovery/record.js';
import { DserviceError, type ErrorCode } from '../src/errors.js';
import { isObject } from '../src/rules.js';
import { parseQuery } from '../src/service/name.js';
import { semverMatcher } from '../src/service/range.js';

/**
 * What a package.json relies on: `remoteDependencies`, names and npm semver ranges as those of
 * `dependencies`; and of these, `remoteDependenciesMeta` says which are optional, as npm's
 * `peerDependenciesMeta` does. `path` names the file; without one it is the nearest above the program, and
 * there need be none. Rejects with ERR_OPTION for a file that cannot be read, is no JSON or of another form,
 * ERR_NAME, ERR_RANGE: with the file, and the key in it.
 */
export async function declaredRelies(
  path: string | false | undefined,
  program: string | undefined = process.argv[1],
): Promise<readonly Rely[]> {
  if (path === false) return [];
  if (path !== undefined) return readRelies(resolve(path), await read(resolve(path)));
  for (let folder = await folderOf(program); ; folder = dirname(folder)) {
    const file = join(folder, 'package.json');
    const text = await read(file, true);
    if (text !== undefined) return readRelies(file, text);
    if (folder === dirname(folder)) return [];
  }
}

/** Where a program is; where it was started, for one that is in no file, as of `node -e`. */
async function folderOf(program: string | undefined): Promise<string> {
  // What Node runs it makes absolute; else it is the first argument of a program without a file.
  if (program === undefined || !isAbsolute(program)) return cwd();
  // A command in `node_modules/.bin` is a link to the file.
  return dirname(await realpath(program).catch(() => program));
}

async function read(file: string, orNone: true): Promise<string | undefined>;
async function read(file: string): Promise<string>;
async function read(file: string, orNone = false): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    const code = isObject(cause) && 'code' in cause ? cause.code : undefined;
    if (orNone && (code === 'ENOENT' || code === 'ENOTDIR')) return undefined;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new DserviceError('ERR_OPTION', `${file} cannot be read: ${why}`, { cause });
  }
}

/** The relies that the text of a package.json declares. Throws as `declaredRelies` rejects. */
export function readRelies(file: string, text: string): readonly Rely[] {
  const manifest = parse(file, text);
  const relies = objectAt(file, manifest, 'remoteDependencies');
  const meta = objectAt(file, manifest, 'remoteDependenciesMeta');
  const strange = [...meta.keys()].find((name) => !relies.has(name));
  if (strange !== undefined) {
    const key = `remoteDependenciesMeta["${strange}"]`;
    throw wrong('ERR_OPTION', file, key, 'nothing of that name is in remoteDependencies');
  }
  return [...relies].map(([name, range]) => {
    const optional = isOptional(file, name, meta.get(name));
    return { name, range: rangeOf(file, name, range), ...(optional ? { optional } : {}) };
  });
}

function parse(file: string, text: string): object {
  let manifest: unknown;
  try {
    // As npm does, past a byte order mark.
    manifest = JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new DserviceError('ERR_OPTION', `${file} is no JSON: ${why}`, { cause });
  }
  if (isObject(manifest) && !Array.isArray(manifest)) return manifest;
  throw new DserviceError('ERR_OPTION', `${file} holds no object`);
}

/** What is under a key: an object, as a map. Empty where there is none. */
function objectAt(file: string, manifest: object, key: string): ReadonlyMap<string, unknown> {
  const value: unknown = new Map<string, unknown>(Object.entries(manifest)).get(key);
  if (value === undefined) return new Map();
  if (isObject(value) && !Array.isArray(value)) return new Map(Object.entries(value));
  throw wrong('ERR_OPTION', file, key, 'it is an object, with a key for each name');
}

/** As in npm, any version is `*` or nothing at all. */
function rangeOf(file: string, name: string, range: unknown): string {
  const key = `remoteDependencies["${name.slice(0, 80)}"]`;
  if (typeof range !== 'string') {
    throw wrong('ERR_RANGE', file, key, 'a range is a string, as "^1"');
  }
  try {
    checkName(name);
    return parseQuery(range.trim() === '' ? name : `${name}@${range}`, semverMatcher).range ?? '';
  } catch (error) {
    if (!DserviceError.is(error)) throw error;
    throw wrong(error.code, file, key, error.message);
  }
}

function isOptional(file: string, name: string, meta: unknown): boolean {
  if (meta === undefined) return false;
  const key = `remoteDependenciesMeta["${name}"]`;
  if (!isObject(meta)) throw wrong('ERR_OPTION', file, key, 'it is an object');
  const optional = 'optional' in meta ? meta.optional : false;
  if (typeof optional === 'boolean') return optional;
  throw wrong('ERR_OPTION', file, `${key}.optional`, 'it is true or false');
}

function wrong(code: ErrorCode, file: string, key: string, why: string): DserviceError {
  return new DserviceError(code, `${file}: ${key}: ${why}`);
}
