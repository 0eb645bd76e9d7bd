// One side of a subject, in a process of its own: node peer.mjs <subject>. Does what the parent asks for over
// the IPC channel, one request at a time, and ends with it.
import { all, load } from './subjects/index.mjs';
import { tasks } from './tasks.mjs';

const subject = all.find(({ name }) => name === process.argv[2]);
const module = await load(subject);

process.on('disconnect', () => process.exit());
// Ctrl-C is the parent's affair: it ends this process.
process.on('SIGINT', () => {});
process.on('message', (request) => void answer(request));
process.send({ ready: true });

async function answer({ id, task, args }) {
  try {
    process.send({ id, value: await tasks[task]({ subject, module }, ...args) });
  } catch (error) {
    process.send({ id, error: error instanceof Error ? error.stack : String(error) });
  }
}
