// The runtimes that the tests run in, beside the Node that runs them. npm has each as a package that holds its program;
// the lock beside this file says which, and what is in it. They weigh some 800 MB, so that they are installed where
// they are used and nowhere else, into a cache.
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { npm } from '../pack.mjs';
import { root } from '../root.mjs';

const here = join(root, 'scripts/runtimes');
const cache = join(root, 'node_modules/.cache/dservice-runtimes');

/** `path`: of the program in the cache. `args`: what comes before a program's own file. `version`: what it says of itself. */
const runtimes = [
  node('Node 22', 'node22'),
  node('Node 24', 'node24'),
  node('Node 26', 'node26'),
  {
    name: 'Deno',
    package: '@deno/linux-x64-glibc',
    path: 'deno',
    // It takes what npm has installed, asks no registry, and writes nothing into the project.
    args: ['run', '--allow-all', '--node-modules-dir=manual', '--cached-only', '--no-lock'],
    env: { DENO_NO_UPDATE_CHECK: '1', DENO_DIR: join(cache, 'deno') },
    version: 'deno',
  },
  {
    name: 'Bun',
    package: '@oven/bun-linux-x64-baseline',
    path: 'bin/bun',
    // What calls itself Node's is run by Bun too.
    args: ['--bun', '--no-install'],
    env: { BUN_INSTALL_CACHE_DIR: join(cache, 'bun') },
    version: 'bun',
  },
];

function node(name, folder) {
  return { name, package: folder, path: 'bin/node', args: [], env: {}, version: 'node' };
}

/**
 * The runtimes, installed: `{ name, program, args, env, version: { of, is } }` each. Throws an error of one line where
 * they cannot be.
 */
export function installedRuntimes() {
  const missing = withoutRuntimes();
  if (missing !== undefined) throw new Error(missing);
  install();
  return runtimes.map(({ name, package: folder, path, args, env, version }) => ({
    ...{ name, args, env },
    program: join(cache, 'node_modules', folder, path),
    version: { of: version, is: manifest(folder).version },
  }));
}

/** Why there are none on this machine, in one line; undefined where there are. */
export function withoutRuntimes() {
  const { platform, arch, report } = process;
  const musl = platform === 'linux' && report.getReport().header.glibcVersionRuntime === undefined;
  if (platform === 'linux' && arch === 'x64' && !musl) return undefined;
  const machine = `${platform}-${arch}${musl ? ' without glibc' : ''}`;
  return `npm has other Nodes for linux-x64 alone: on ${machine} the tests run in no other runtime.`;
}

function install() {
  const lock = 'package-lock.json';
  const read = (folder) => {
    const path = join(folder, lock);
    return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
  };
  // The copy of the lock is written last: where it is the same, all is there.
  if (read(join(cache, 'node_modules')) === read(here)) return;
  mkdirSync(cache, { recursive: true });
  for (const file of ['package.json', lock]) copyFileSync(join(here, file), join(cache, file));
  try {
    // Nothing of what is installed runs while it is.
    npm(['ci', '--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund'], cache);
  } catch (error) {
    throw new Error(
      `The runtimes could not be installed from npm's registry: ${firstLine(error)}. ` +
        'Connect, and run npm run test:runtimes again.',
      { cause: error },
    );
  }
  for (const { name, package: folder, path, version } of runtimes) {
    const program = join(cache, 'node_modules', folder, path);
    const { stdout } = spawnSync(program, ['--version'], { encoding: 'utf8' });
    if (!stdout?.includes(manifest(folder).version)) {
      throw new Error(`${name} was installed, and does not start (${version}).`);
    }
  }
  copyFileSync(join(here, lock), join(cache, 'node_modules', lock));
}

function manifest(folder) {
  return JSON.parse(readFileSync(join(cache, 'node_modules', folder, 'package.json'), 'utf8'));
}

function firstLine(error) {
  const text = `${error.stderr ?? ''}`.trim() || String(error.message ?? error);
  return text.split('\n').slice(0, 2).join(' ').slice(0, 300);
}
