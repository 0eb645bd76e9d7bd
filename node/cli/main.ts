#!/usr/bin/env node
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { nodeClock } from '../clock.js';
import dservice, { rendezvous } from '../index.js';
import { run } from './cli.js';
import { exit } from './command.js';
import { existingStore } from './existing-store.js';
import { faultText } from './fault.js';
import { realNet } from './net.js';
import type { Output } from './world.js';

/** The process's own streams. Ctrl-C ends the process as it always does: nothing here needs more. */
function processOutput(): Output {
  const { stdout, stderr } = process;
  const closed = new AbortController();
  stdout.on('error', (error: NodeJS.ErrnoException) => {
    // Who has read enough (`| head`) closes the pipe, which is no failure: but there is nobody to go on for.
    closed.abort();
    if (error.code === 'EPIPE') return;
    stderr.write(`${faultText(error)}\n`);
    process.exitCode = exit.failed;
  });
  stderr.on('error', () => {});
  return {
    out: (text) => void (closed.signal.aborted || stdout.write(text)),
    err: (text) => void stderr.write(text),
    closed: closed.signal,
    terminal: stdout.isTTY,
    // Knows of NO_COLOR, FORCE_COLOR and dumb terminals.
    colors: stdout.isTTY && stdout.hasColors(),
    get rows() {
      return stdout.rows;
    },
    // A pipe has none: then it is what everybody can read.
    get columns() {
      return stdout.isTTY ? stdout.columns : 80;
    },
  };
}

/** By the package's own name, since the build decides which file this code ends up in. */
async function ownVersion(): Promise<string> {
  const path = fileURLToPath(import.meta.resolve('dservice/package.json'));
  // Our own manifest has a version.
  return (JSON.parse(await readFile(path, 'utf8')) as { version: string }).version;
}

const code = await run(process.argv.slice(2), {
  output: processOutput(),
  clock: nodeClock,
  version: await ownVersion(),
  caller: (options) => dservice(options),
  net: realNet(),
  rendezvous,
  storeUrl: process.env.DSERVICE_STORE || undefined,
  store: existingStore,
});
// What was written may have failed meanwhile.
process.exitCode ??= code;
