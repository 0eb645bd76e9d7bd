import { startProcess } from './process.mjs';
import { bareBytes, subjects } from './subjects/index.mjs';

/** Bytes in a Uint8Array that goes there and back. */
export const sizes = { '64 KB': 64 * 1024, '1 MB': 1024 * 1024 };

/** Bytes per second, each way, of one echo after the other: ours and bare. `[path][size]`, one figure a round each. */
export async function measureAttachments({ rounds, ms, warmUp }) {
  const figures = {};
  for (const path of ['tcp', 'ws']) {
    const ours = subjects.find(({ name }) => name === `ours-${path}`);
    const bare = bareBytes.find((it) => it.path === path);
    const pairs = await Promise.all([ours, bare].map((subject) => startPair(subject)));
    figures[path] = {};
    for (const [title, size] of Object.entries(sizes)) {
      const [mine, theirs] = [[], []];
      const echo = ({ client, endpoint }, time) => client.ask('echoBytes', endpoint, size, time);
      for (const pair of pairs) await echo(pair, warmUp);
      for (let round = 0; round < rounds; round++) {
        // Either one begins.
        for (const at of round % 2 === 0 ? [0, 1] : [1, 0]) {
          (at === 0 ? mine : theirs).push(await echo(pairs[at], ms));
        }
      }
      figures[path][title] = { ours: mine, bare: theirs };
    }
    for (const { server, client } of pairs) await Promise.all([server.end(), client.end()]);
  }
  return figures;
}

async function startPair(subject) {
  const [server, client] = await Promise.all([startProcess(subject), startProcess(subject)]);
  return { server, client, endpoint: await server.ask('serve') };
}
