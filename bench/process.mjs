import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const running = new Set();

const peer = fileURLToPath(new URL('peer.mjs', import.meta.url));
const execArgv = ['--expose-gc', '--no-warnings'];

/**
 * A process that does one side of a subject, in this machine's network or another one:
 * `ask(task, …args)` resolves with what it answers.
 */
export async function startProcess(subject, network) {
  const child =
    network === undefined
      ? fork(peer, [subject.name], { execArgv })
      : network.start([process.execPath, ...execArgv, peer, subject.name], {
          stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
        });
  running.add(child);
  const waiting = new Map();
  let last = 0;
  const exited = new Promise((resolve) => child.once('exit', resolve));
  await new Promise((resolve, reject) => {
    child.on('message', ({ ready, id, value, error }) => {
      if (ready) return resolve();
      const { done, fail } = waiting.get(id);
      waiting.delete(id);
      if (error === undefined) done(value);
      else fail(new Error(`${subject.name}: ${error}`));
    });
    child.once('exit', (code, signal) => {
      running.delete(child);
      const error = new Error(`${subject.name}: its process ended (${signal ?? code})`);
      reject(error);
      for (const { fail } of waiting.values()) fail(error);
    });
  });
  return {
    pid: child.pid,
    exited,
    ask(task, ...args) {
      const id = ++last;
      return new Promise((done, fail) => {
        waiting.set(id, { done, fail });
        child.send({ id, task, args });
      });
    },
    async end() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

/** Ends every process that is left. */
export function endAll() {
  for (const child of running) child.kill('SIGKILL');
}
