import { cpSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { inject } from 'vitest';

/** The path of one of the programs beside this file, in the project that has the package installed. */
export function programOf(name: string): string {
  const folder = join(inject('installed'), 'storm');
  const isProgram = (path: string): boolean => !path.endsWith('.ts');
  cpSync(import.meta.dirname, folder, { recursive: true, filter: isProgram });
  return join(folder, `${name}.mjs`);
}

/** What a page can load as a module that puts its exports into `globalThis.storm`. */
export function moduleOf(name: string, ...exports: string[]): string {
  const text = readFileSync(join(import.meta.dirname, `${name}.mjs`), 'utf8');
  return `${text}\nglobalThis.storm = { ...globalThis.storm, ${exports.join(', ')} };`;
}

/** What a program wrote down, line by line; who was killed may have left half of the last one. */
export function factsIn<T>(file: string): T[] {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, 'utf8').split('\n').slice(0, -1);
  // Our own programs write them.
  return lines.map((line) => JSON.parse(line) as T);
}
