import { spawn } from 'node:child_process';

/** A program that a browser needs beside it. */
export interface Tool {
  /** Its first line of standard output; rejects if it ends before it has said one. */
  readonly said: Promise<string>;
  /** Whether it runs. */
  alive(): boolean;
  /** Ends it, and what it has started; resolves when it is gone. */
  end(): Promise<void>;
}

/** Starts a program, which ends with this process at the latest. */
export function startTool(file: string, args: readonly string[], env = process.env): Tool {
  // A group of its own, so that what it starts can be ended with it.
  const child = spawn(file, args, { env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  let out = '';
  let err = '';
  let running = true;
  const kill = (): void => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    } catch {
      // Nobody of the group is left.
    }
  };
  process.once('exit', kill);
  const gone = new Promise<void>((resolve) => {
    const over = (): void => {
      running = false;
      process.off('exit', kill);
      resolve();
    };
    child.once('error', (error) => {
      err += String(error);
      over();
    });
    child.once('exit', over);
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text));
  const said = new Promise<string>((resolve, reject) => {
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text;
      if (out.includes('\n')) resolve(out.slice(0, out.indexOf('\n')));
    });
    void gone.then(() => reject(new Error(`${file} ended: ${out}${err}`)));
  });
  // Whoever waits for it hears of it there.
  said.catch(() => {});
  return {
    said,
    alive: () => running,
    end() {
      kill();
      return gone;
    },
  };
}
