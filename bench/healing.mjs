import { randomUUID } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { startProcess } from './process.mjs';
import { healing } from './subjects/index.mjs';

/** ms that an instance takes for a call, and that load goes on before and after something happens. */
const pace = 5;
const while_ = 1_500;
/** ms that calls to an instance that will freeze may take. */
const frozenDeadline = 3_000;

/** What callers notice when one of three instances is killed or frozen, and when five are restarted. */
export async function measureHealing() {
  return { killed: await kill(), frozen: await freeze(), rolling: await roll() };
}

async function meet(instances) {
  const name = `bench-${randomUUID().slice(0, 8)}`;
  const servers = await Promise.all(Array.from({ length: instances }, () => begin(name)));
  const caller = await startProcess(healing);
  await caller.ask('run', 'meet', name, instances);
  const end = () => Promise.all([caller, ...servers].map((each) => each.end()));
  return { name, servers, caller, end };
}

async function begin(name) {
  const server = await startProcess(healing);
  await server.ask('run', 'instance', name);
  return server;
}

async function kill() {
  const { servers, caller, end } = await meet(3);
  await caller.ask('run', 'hold', 'read', 64, pace);
  await setTimeout(while_);
  process.kill(servers[0].pid, 'SIGKILL');
  await setTimeout(while_);
  const result = await caller.ask('run', 'finish');
  await end();
  return result;
}

async function freeze() {
  const { servers, caller, end } = await meet(3);
  await caller.ask('run', 'hold', 'write', 64, pace, frozenDeadline);
  await setTimeout(while_);
  process.kill(servers[0].pid, 'SIGSTOP');
  const at = performance.timeOrigin + performance.now();
  await setTimeout(3 * while_);
  const result = await caller.ask('run', 'finish', frozenDeadline);
  await end();
  // Where a call was lost, it had gone there.
  return { ...result, out: Math.max(0, result.lastLost - at) };
}

async function roll() {
  const { name, servers, caller, end } = await meet(5);
  await caller.ask('run', 'pace', 'write', 5_000, pace);
  await setTimeout(while_);
  for (const [i, server] of servers.entries()) {
    process.kill(server.pid, 'SIGTERM');
    await server.exited;
    servers[i] = await begin(name);
  }
  await setTimeout(while_);
  const result = await caller.ask('run', 'finish');
  await end();
  return result;
}
