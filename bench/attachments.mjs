import { startProcess } from './process.mjs';
import { bareBytes, subjects } from './subjects/index.mjs';

/** Bytes in a Uint8Array that goes there and back. */
export const sizes = { '64 KB': 64 * 1024, '1 MB': 1024 * 1024 };

/** What carries bytes over each path, the bare one first. Not all peers have bytes among their values. */
export const carriers = Object.fromEntries(
  ['tcp', 'ws'].map((path) => [
    path,
    [...bareBytes, ...subjects].filter((it) => {
      const names = [`bare-bytes-${path}`, `ours-${path}`, 'capnweb'];
      return it.path === path && names.includes(it.name);
    }),
  ]),
);

/**
 * Of one echo after the other, bytes per second each way, and bytes on the wire for each that was sent or came back:
 * `[path][subject][size] = { rate: [], wire: [] }`, one figure a round each.
 */
export async function measureAttachments({ rounds, ms, warmUp }) {
  const figures = {};
  for (const [path, chosen] of Object.entries(carriers)) {
    const pairs = await Promise.all(chosen.map((subject) => startPair(subject)));
    figures[path] = Object.fromEntries(chosen.map(({ name }) => [name, {}]));
    for (const [title, size] of Object.entries(sizes)) {
      const echo = ({ client, endpoint }, time) => client.ask('echoBytes', endpoint, size, time);
      for (const pair of pairs) {
        figures[path][pair.subject.name][title] = { rate: [], wire: [] };
        await echo(pair, warmUp);
      }
      for (let round = 0; round < rounds; round++) {
        for (let at = 0; at < pairs.length; at++) {
          // Another one begins each time.
          const pair = pairs[(at + round) % pairs.length];
          const { rate, wire } = await echo(pair, ms);
          figures[path][pair.subject.name][title].rate.push(rate);
          figures[path][pair.subject.name][title].wire.push(wire);
        }
      }
    }
    for (const { server, client } of pairs) await Promise.all([server.end(), client.end()]);
  }
  return figures;
}

/** A server and a client of one subject, each a process. */
export async function startPair(subject) {
  const [server, client] = await Promise.all([startProcess(subject), startProcess(subject)]);
  return { subject, server, client, endpoint: await server.ask('serve') };
}
