import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './root.mjs';

/** Packs the built package into a folder, as publishing would; gives the tarball's path and the files in it. */
export function pack(folder) {
  if (!existsSync(join(root, 'dist/node/index.js'))) {
    throw new Error('There is no dist/: npm run build comes first.');
  }
  const text = npm(['pack', '--json', '--ignore-scripts', '--pack-destination', folder], root);
  const [{ filename, files }] = JSON.parse(text);
  return { tarball: join(folder, filename), files: files.map((file) => file.path) };
}

/** Runs npm in a folder; gives what it printed. */
export function npm(args, cwd) {
  const cli = process.env.npm_execpath;
  const [program, ...first] = cli === undefined ? ['npm'] : [process.execPath, cli];
  return execFileSync(program, [...first, ...args], {
    cwd,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}
