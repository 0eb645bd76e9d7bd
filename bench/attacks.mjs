import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { setTimeout } from 'node:timers/promises';
import { dial, sessionOf } from 'dservice';

const program = fileURLToPath(new URL('attacker.mjs', import.meta.url));

/** What goes on beside the honest client: how it is called, and what it is. */
const attacks = [
  ['', 'nothing'],
  ['compute', 'a program that only computes'],
  ['lines', '500 connections: half a line, a byte a second'],
  ['bodies', '500 connections: a POST whose body comes by a byte a second'],
  ['events', '900 streams of events that nobody posts to'],
  ['connections', 'connections that are opened and ended, 50 at a time'],
  ['unread', '20 connections: each asks for 20 MB, and reads nothing'],
  ['held', '20 connections: calls that never end, of many small objects'],
  ['batches', '8 connections: POSTs of 1,000 calls'],
  ['million', '4 connections: POSTs of a million calls, refused'],
  ['flood', '4 connections: calls without end, as fast as they are taken'],
  ['functions', '2 connections: calls with 9,000 callbacks each'],
  ['keys', '2 connections: objects of 99,000 keys'],
];

/**
 * ms of an honest client's calls, one at a time over TCP, alone and beside each attack; server, client and attacker are
 * processes of their own: `[{ what, p50, p99, most, calls }]`.
 */
export async function measureAttacks({ attacked }) {
  const all = [];
  for (const [name, what] of attacks) all.push({ what, ...(await beside(name, attacked)) });
  return all;
}

async function beside(name, ms) {
  const server = await started('serve');
  const attacker = name === '' ? undefined : await started(new URL(server.endpoint).port, name);
  // Until it has come to what it does.
  await setTimeout(ms / 4);
  const remote = await dial(server.endpoint);
  for (let i = 0; i < 10; i++) await remote.echo(i);
  const times = [];
  for (const end = performance.now() + ms; performance.now() < end;) {
    const began = performance.now();
    await remote.echo(times.length);
    times.push(performance.now() - began);
  }
  sessionOf(remote).close();
  await attacker?.end();
  await server.end();
  times.sort((a, b) => a - b);
  const at = (part) => times[Math.min(times.length - 1, Math.floor(times.length * part))];
  return { p50: at(0.5), p99: at(0.99), most: times.at(-1), calls: times.length };
}

/** A program of the part, once it says that it is there. */
async function started(...args) {
  const child = fork(program, args);
  const exited = new Promise((resolve) => child.once('exit', resolve));
  const said = await new Promise((resolve, reject) => {
    child.once('message', resolve);
    child.once('exit', () => reject(new Error(`attacks: ${args.join(' ')} ended`)));
  });
  return {
    ...said,
    async end() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}
