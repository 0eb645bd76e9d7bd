import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const running = new Set();

/** A process that does one side of a subject: `ask(task, …args)` resolves with what it answers. */
export async function startProcess(subject) {
  const execArgv = ['--expose-gc', '--no-warnings'];
  const child = fork(fileURLToPath(new URL('peer.mjs', import.meta.url)), [subject.name], {
    execArgv,
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
