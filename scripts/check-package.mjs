// Checks the packed tarball, as a registry would get it: publint for the manifest and the files, attw for the types.
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pack } from './pack.mjs';
import { root } from './root.mjs';

const folder = await mkdtemp(join(tmpdir(), 'dservice-pack-'));
try {
  const { tarball } = pack(folder);
  const passed = [
    run('publint', 'publint/src/cli.js', tarball, '--strict'),
    // The profile leaves out node10, which knows no exports: only `dservice` itself resolves there.
    run('attw', '@arethetypeswrong/cli/dist/index.js', tarball, '--profile', 'node16'),
  ];
  process.exitCode = passed.every(Boolean) ? 0 : 1;
} finally {
  await rm(folder, { recursive: true, force: true });
}

/** Runs a checker; shows what it says if it finds a fault. */
function run(name, program, ...args) {
  const path = join(root, 'node_modules', program);
  const { status, stdout, stderr } = spawnSync(process.execPath, [path, ...args], {
    encoding: 'utf8',
  });
  console.log(status === 0 ? `${name}: ok` : `${stdout}${stderr}${name}: FAILED`);
  return status === 0;
}
