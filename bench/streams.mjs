import { startPair } from './attachments.mjs';
import { bareFlow, subjects } from './subjects/index.mjs';

/** Where a stream goes, from the client's side. */
export const ways = { down: 'from the server', up: 'to the server' };

/** Before it is measured, a stream goes so often each way: as long as it takes until code runs as fast as it will. */
export const passes = 4;

/** What carries streams over each path, the bare one first. */
export const carriers = Object.fromEntries(
  ['tcp', 'ws'].map((path) => [
    path,
    [...bareFlow, ...subjects].filter((it) => {
      const names = [`bare-flow-${path}`, `ours-${path}`, 'capnweb'];
      return it.path === path && names.includes(it.name);
    }),
  ]),
);

/**
 * Bytes per second of a stream through a call, and bytes on the wire for each of its own:
 * `[path][subject][way] = { rate: [], wire: [] }`, one figure a round each.
 */
export async function measureStreams({ rounds, stream: total }) {
  const figures = {};
  for (const [path, chosen] of Object.entries(carriers)) {
    const pairs = await Promise.all(chosen.map((subject) => startPair(subject)));
    figures[path] = {};
    for (const { name } of chosen) {
      figures[path][name] = { down: { rate: [], wire: [] }, up: { rate: [], wire: [] } };
    }
    for (const way of Object.keys(ways)) {
      const pass = ({ client, endpoint }) => client.ask('stream', endpoint, way, total);
      for (let i = 0; i < passes; i++) for (const pair of pairs) await pass(pair);
      for (let round = 0; round < rounds; round++) {
        for (let at = 0; at < pairs.length; at++) {
          // Another one begins each time.
          const pair = pairs[(at + round) % pairs.length];
          const { rate, wire } = await pass(pair);
          figures[path][pair.subject.name][way].rate.push(rate);
          figures[path][pair.subject.name][way].wire.push(wire);
        }
      }
    }
    for (const { server, client } of pairs) await Promise.all([server.end(), client.end()]);
  }
  return figures;
}
