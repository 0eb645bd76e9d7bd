// The long mode of the simulation: instances, callers and faults, in virtual time.
//
//   npm run simulate [-- --minutes N --instances N --callers N --pause MS --seed S]
//
// Without them: an hour, 50 instances, 500 callers that call every ten seconds, a seed by chance. A seed gives the same
// run again.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { root } from './root.mjs';

const usual = {
  minutes: '60',
  instances: '50',
  callers: '500',
  pause: '10000',
  seed: String(Math.floor(Math.random() * 2 ** 31)),
};
const options = Object.fromEntries(
  Object.entries(usual).map(([name, value]) => [name, { type: 'string', default: value }]),
);
const { values } = parseArgs({ options });
const env = { ...process.env };
for (const [name, value] of Object.entries(values)) {
  if (!(Number(value) > 0)) throw new Error(`--${name} is a positive number`);
  env[`DSERVICE_SIMULATE_${name.toUpperCase()}`] = value;
}
const vitest = join(root, 'node_modules/vitest/vitest.mjs');
const args = ['run', '--project', 'node', 'src/service/simulation.node.test.ts'];
const child = spawn(process.execPath, [vitest, ...args], { cwd: root, env, stdio: 'inherit' });
child.once('exit', (code) => (process.exitCode = code ?? 1));
