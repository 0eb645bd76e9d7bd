// The long mode of chaos: what works on a store, or calls and serves, while it is killed and cut off again and again; what
// was written down meanwhile is checked afterwards.
//
//   npm run chaos [-- lmdb|redis|indexeddb ...] [--commands N] [--kills N] [--seed S]
//   npm run chaos -- services|pages ... [--minutes N] [--seed S]
//
// Without them: all stores, 200,000 commands, 200 kills of workers; of services and pages, five minutes; a seed by
// chance. A seed gives the same commands and the same choices again; when they meet what is done is up to the machine.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { root } from './root.mjs';

const stores = ['lmdb', 'redis', 'indexeddb'];
const storms = ['services', 'pages'];

function read() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      commands: { type: 'string', default: '200000' },
      kills: { type: 'string', default: '200' },
      minutes: { type: 'string', default: '5' },
      seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
    },
  });
  const known = [...stores, ...storms];
  const strange = positionals.filter((name) => !known.includes(name));
  if (strange.length > 0) throw new Error(`${strange.join(', ')}: there are ${known.join(', ')}`);
  for (const [name, value] of Object.entries(values)) {
    if (!Number.isSafeInteger(Number(value)) || Number(value) < 0) {
      throw new Error(`--${name} is a whole number`);
    }
  }
  return { ...values, of: positionals.length > 0 ? positionals : stores };
}

let given;
try {
  given = read();
} catch (error) {
  console.error(`chaos: ${error.message}`);
  process.exit(2);
}
const chosen = (names) => names.filter((name) => given.of.includes(name));
const files = chosen(storms).map((name) => `e2e/storm/${name}.test.ts`);
if (chosen(stores).length > 0) files.push('e2e/chaos/chaos.test.ts');
const vitest = join(root, 'node_modules/vitest/vitest.mjs');
const args = ['run', ...files, '--project', 'apart', '--disable-console-intercept'];
const child = spawn(process.execPath, [vitest, ...args], {
  cwd: root,
  stdio: 'inherit',
  env: {
    ...process.env,
    CHAOS_STORES: chosen(stores).join(','),
    CHAOS_COMMANDS: given.commands,
    CHAOS_KILLS: given.kills,
    CHAOS_SEED: given.seed,
    STORM_MINUTES: given.minutes,
    STORM_SEED: given.seed,
  },
});
child.once('exit', (code) => {
  process.exitCode = code ?? 1;
});
