import { startProcess } from './process.mjs';
import { rendezvous, subjects, tab } from './subjects/index.mjs';

/** Bytes that go through calls, in a round. */
const total = 4 * 1024 * 1024;
export const relayWorks = ['seq', 'c64'];

/**
 * Calls and bytes per second between two that are pages but for the engine, through a rendezvous, and
 * from one of them to a server over a WebSocket; and µs of CPU time for each call, at the rendezvous and of all.
 * One figure a round each.
 */
export async function measureRelay({ rounds, ms, warmUp }) {
  const ws = subjects.find(({ name }) => name === 'ours-ws');
  const [hub, server, relayServer, relayed, direct] = await Promise.all(
    [rendezvous, ws, tab, tab, tab].map((subject) => startProcess(subject)),
  );
  const [url, endpoint] = await Promise.all([hub.ask('serve'), server.ask('serve')]);
  await relayServer.ask('run', 'serveAt', url);
  const transport = await relayed.ask('run', 'callBy', url);
  if (transport !== 'relay') throw new Error(`what is to be relayed goes by ${transport}`);
  await direct.ask('run', 'callDirectly', endpoint);
  const ways = {
    relay: { client: relayed, all: [relayed, relayServer, hub] },
    direct: { client: direct, all: [direct, server] },
  };

  const cpuOf = async (processes) => Promise.all(processes.map((it) => it.ask('cpu')));
  /** Runs a task with what it costs: CPU µs of the last process, and of all. */
  const costed = async ({ client, all }, ...task) => {
    const before = await cpuOf(all);
    const value = await client.ask('run', ...task);
    const costs = (await cpuOf(all)).map((cpu, i) => cpu - before[i]);
    return { value, cost: costs.reduce((sum, it) => sum + it), last: costs.at(-1) };
  };
  const figures = { relay: {}, direct: {} };
  const note = (way, work, { rate, cpu, hubCpu }) => {
    const list = (figures[way][work] ??= { rate: [], cpu: [], hubCpu: [] });
    list.rate.push(rate);
    list.cpu.push(cpu);
    list.hubCpu.push(hubCpu);
  };
  const measure = async (way, work, time, keep = true) => {
    const isBulk = work === 'bulk';
    const task = isBulk ? ['send', total] : ['calls', work, time];
    const { value, cost, last } = await costed(ways[way], ...task);
    if (!keep) return;
    // Calls, or megabytes.
    const units = isBulk ? total / 1e6 : value.calls;
    const rate = isBulk ? value / 1e6 : value.calls / value.seconds;
    note(way, work, { rate, cpu: cost / units, hubCpu: last / units });
  };
  const works = [...relayWorks, 'bulk'];
  for (const way of Object.keys(ways))
    for (const it of works) await measure(way, it, warmUp, false);
  for (let round = 0; round < rounds; round++) {
    for (const it of works) {
      const order = Object.keys(ways);
      if (round % 2 === 1) order.reverse();
      for (const way of order) await measure(way, it, ms);
    }
  }
  await Promise.all([hub, server, relayServer, relayed, direct].map((it) => it.end()));
  return figures;
}
