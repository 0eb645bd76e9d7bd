// The long mode of chaos: workers on one store, killed again and again; what they wrote down is checked afterwards.
//
//   npm run chaos [-- lmdb|redis|indexeddb ...] [--commands N] [--kills N] [--seed S]
//
// Without them: all stores, 200,000 commands, 200 kills of workers, a seed by chance. A seed gives the same commands and
// the same choices again; when they meet what is done is up to the machine.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { root } from './root.mjs';

const all = ['lmdb', 'redis', 'indexeddb'];

function read() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      commands: { type: 'string', default: '200000' },
      kills: { type: 'string', default: '200' },
      seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
    },
  });
  const strange = positionals.filter((name) => !all.includes(name));
  if (strange.length > 0)
    throw new Error(`${strange.join(', ')}: the stores are ${all.join(', ')}`);
  for (const [name, value] of Object.entries(values)) {
    if (!Number.isSafeInteger(Number(value)) || Number(value) < 0) {
      throw new Error(`--${name} is a whole number`);
    }
  }
  return { ...values, stores: positionals.length > 0 ? positionals : all };
}

let given;
try {
  given = read();
} catch (error) {
  console.error(`chaos: ${error.message}`);
  process.exit(2);
}
const vitest = join(root, 'node_modules/vitest/vitest.mjs');
const file = 'e2e/chaos/chaos.test.ts';
const args = ['run', file, '--project', 'apart', '--disable-console-intercept'];
const child = spawn(process.execPath, [vitest, ...args], {
  cwd: root,
  stdio: 'inherit',
  env: {
    ...process.env,
    CHAOS_STORES: given.stores.join(','),
    CHAOS_COMMANDS: given.commands,
    CHAOS_KILLS: given.kills,
    CHAOS_SEED: given.seed,
  },
});
child.once('exit', (code) => {
  process.exitCode = code ?? 1;
});
