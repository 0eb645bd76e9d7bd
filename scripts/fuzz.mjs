// The long mode of the fuzzers: the tests named *.fuzz.test.ts, with as many messages as FUZZ_MESSAGES says.
//
//   npm run fuzz [-- messages]     5,000,000 without a number
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { root } from './root.mjs';

const messages = Number(process.argv[2] ?? 5_000_000);
if (!Number.isSafeInteger(messages) || messages < 1) {
  console.error('fuzz: give the number of messages, for example npm run fuzz -- 100000');
  process.exit(2);
}
const vitest = join(root, 'node_modules/vitest/vitest.mjs');
const args = [vitest, 'run', '--project', 'node', '--testTimeout', '0', '.fuzz.test.ts'];
const child = spawn(process.execPath, args, {
  cwd: root,
  stdio: 'inherit',
  env: { ...process.env, FUZZ_MESSAGES: String(messages) },
});
child.once('exit', (code) => {
  process.exitCode = code ?? 1;
});
