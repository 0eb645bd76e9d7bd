import { isAbsolute, resolve } from 'node:path';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import type { PipelineRuntime } from '../src/pipeline/pipeline.js';
import { nodeClock } from './clock.js';
import { storeOf } from './store-of.js';

/** What Node adds to pipelines. */
export const pipelineRuntime: PipelineRuntime = {
  clock: nodeClock,
  store: storeOf,
  async load(path) {
    const module = (await import(urlOf(path))) as { default?: unknown };
    return module.default ?? module;
  },
};

/** Paths begin where the program runs, as they do at the command line; what is no path is a package. */
function urlOf(path: string): string {
  if (path.startsWith('file:')) return path;
  if (/^\.{0,2}[/\\]/.test(path) || isAbsolute(path)) {
    return pathToFileURL(withExtension(resolve(path))).href;
  }
  return pathToFileURL(createRequire(resolve('program.js')).resolve(path)).href;
}

/** `require` finds './steps/resolve' as './steps/resolve.js', and so do we. */
function withExtension(path: string): string {
  try {
    return createRequire(path).resolve(path);
  } catch {
    return path;
  }
}
