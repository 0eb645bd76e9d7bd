import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { npm, pack } from '../scripts/pack.mjs';
import { root } from '../scripts/root.mjs';

declare module 'vitest' {
  interface ProvidedContext {
    /** The folder of a project that has the packed package installed, and nothing else but its types. */
    installed: string;
    /** The paths of the files in the tarball. */
    packed: string[];
  }
}

interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>;
}

/** Packs the package once for all tests, and installs the tarball in a project of its own. */
export default function setup(project: TestProject): () => void {
  const folder = mkdtempSync(join(tmpdir(), 'dservice-e2e-'));
  const { tarball, files } = pack(folder);
  const app = join(folder, 'app');
  mkdirSync(app);
  // What the package depends on is linked from this checkout, so that no registry is asked.
  const linked = [...dependencies('.'), '@types/node'];
  const manifest = {
    name: 'app',
    private: true,
    dependencies: {
      dservice: `file:../${basename(tarball)}`,
      ...Object.fromEntries(
        linked.map((name) => [name, `file:${join(root, 'node_modules', name)}`]),
      ),
    },
  };
  writeFileSync(join(app, 'package.json'), JSON.stringify(manifest, null, 2));
  npm(['install', '--offline', '--ignore-scripts', '--no-audit', '--no-fund'], app);
  project.provide('installed', app);
  project.provide('packed', files);
  return () => rmSync(folder, { recursive: true, force: true });
}

/** The names of all packages that one in this checkout depends on, over any number of steps. */
function dependencies(folder: string, seen = new Set<string>()): Set<string> {
  const text = readFileSync(join(root, folder, 'package.json'), 'utf8');
  for (const name of Object.keys((JSON.parse(text) as Manifest).dependencies ?? {})) {
    if (seen.has(name)) continue;
    seen.add(name);
    dependencies(join('node_modules', name), seen);
  }
  return seen;
}
