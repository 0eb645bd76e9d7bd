import fc from 'fast-check';
import { once } from 'node:events';
import { createServer, type Server as HttpServer } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Served } from '../../src/service/served.js';
import { dial, serve, sessionOf } from '../index.js';
import { firstSeed, fuzzers, messages, turn } from './fixtures/fuzzing.js';
import {
  ambiguous,
  chunked,
  frames,
  hello,
  mark,
  others,
  pick,
  post,
  upgrade,
} from './fixtures/wire-bytes.js';

/**
 * Bytes on sockets, at every door of a service: who comes there says what no program of ours would, whole, spoilt
 * and cut anywhere. What must not run does not, what may runs once, all is answered by a status that is meant, who
 * is honest is served all the while, and nothing is left of anybody.
 */

/** One connection: what is said there, and where that is cut. */
type Visit = readonly [what: number, how: number, more: number, cuts: number, end: number];

const nat = fc.nat(0x7fffffff);
const visits: fc.Arbitrary<Visit[]> = fc.array(fc.tuple(fc.nat(15), nat, nat, nat, nat), {
  minLength: 1,
  maxLength: 12,
  size: 'max',
});

const { fuzz } = fuzzers();
const logger = { warn() {} };
const limits = { handshake: 2_000, stall: 2_000 };
/** How often each mark ran. */
const ran = new Map<number, number>();
const api = {
  mark: (n: number) => void ran.set(n, (ran.get(n) ?? 0) + 1),
  echo: (value: unknown) => value,
  async *rows() {
    for (let n = 0; ; n++) yield n;
  },
};

let own: Served;
let mounted: Served;
let theirs: HttpServer;
let honest: Awaited<ReturnType<typeof dial<typeof api>>>;
let ports: readonly [number, ...number[]];
let marks = 0;
let ranInAll = 0;

beforeAll(async () => {
  own = await serve(api, { port: 0, limits, logger });
  theirs = createServer((_, response) => response.end('theirs')).listen(0, '127.0.0.1');
  await once(theirs, 'listening');
  mounted = await serve(api, { server: theirs, limits, logger });
  ports = [
    Number(new URL(own.endpoints[0] ?? '').port),
    (theirs.address() as AddressInfo).port, // It listens on a port.
  ];
  honest = await dial<typeof api>(own.endpoints[0] ?? '');
});
afterAll(async () => {
  sessionOf(honest).close();
  await Promise.all([own.close(), mounted.close()]);
  theirs.close();
  theirs.closeAllConnections();
});

/** What a visit says, marks that may run once, and those that must not run. */
function said([what, how, more]: Visit): { text: string; never: number[] } {
  const n = marks++;
  const line = mark(n);
  const never = (text: string): { text: string; never: number[] } => ({ text, never: [n] });
  const may = (text: string): { text: string; never: number[] } => ({ text, never: [] });
  if (what < 4) return never(ambiguous(how, line));
  if (what === 4) return may(chunked(line, how) + others(more, '{}\n'));
  if (what === 5) return may(post(line) + chunked('{}\n', how) + others(more, '{}\n'));
  if (what === 6) return may(others(how, line) + others(more, '{}\n'));
  if (what === 7) return may(upgrade(how, false) + post(line));
  // What stands behind a handshake is frames, and nothing else.
  if (what === 8) return never(upgrade(0, true) + post(line));
  if (what < 12) return may(upgrade(0, true) + frames(how % 5, hello) + frames(more, line));
  if (what === 12) return may(hello + line + frames(how, '{}\n'));
  if (what === 13) {
    const spoilt = hello + line + others(how, '{}\n');
    return may(spoilt.slice(0, more % spoilt.length));
  }
  if (what === 14) return may(String.fromCharCode(how & 255, how >>> 8, more & 255) + line);
  return may(post(line, '/dnode', 'Connection: close'));
}

const allowed = new Set([
  ...[100, 101, 200, 204, 400, 403, 404, 405, 408, 409, 413, 415, 417, 421, 426, 431, 503],
]);

async function visit(each: Visit, sockets: Socket[]): Promise<() => void> {
  const [what, , , cuts, end] = each;
  const { text, never } = said(each);
  const socket = connect(pick(ports, end >>> 8), '127.0.0.1');
  sockets.push(socket);
  let answer = '';
  socket.on('error', () => {}).on('data', (data: Buffer) => (answer += data.toString('latin1')));
  const bytes = Buffer.from(text, 'latin1');
  const first = cuts % (bytes.length + 1);
  const second = first + ((cuts >>> 12) % (bytes.length - first + 1));
  for (const piece of [bytes.subarray(0, first), bytes.subarray(first, second)]) {
    if (piece.length > 0) socket.write(piece);
    // oxlint-disable-next-line no-await-in-loop -- one piece after the other
    if (cuts % 3 > 0) await turn();
  }
  if (end % 4 === 0) socket.end(bytes.subarray(second));
  else socket.write(bytes.subarray(second));
  return () => {
    const tell = (why: string): Error => new Error(`${why}: ${what} ${JSON.stringify(text)}`);
    for (const n of never) if (ran.has(n)) throw tell('this ran');
    // Where a WebSocket begins, what follows is no HTTP.
    const http = answer.split('HTTP/1.1 101 ')[0] ?? '';
    for (const [, status] of http.matchAll(/^HTTP\/1\.1 (\d+) /gm)) {
      if (!allowed.has(Number(status))) throw tell(`status ${status}`);
    }
  };
}

async function run(sequence: readonly Visit[]): Promise<number> {
  const sockets: Socket[] = [];
  ran.clear();
  const checks = await Promise.all(sequence.map((each) => visit(each, sockets)));
  // Everybody has been heard when somebody who came later has.
  for (let n = 0; n < 4; n++) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    if ((await honest.echo(n)) !== n) throw new Error('an honest call has another outcome');
  }
  for (const check of checks) check();
  ranInAll += ran.size;
  for (const [n, times] of ran) if (times > 1) throw new Error(`mark ${n} ran ${times} times`);
  for (const socket of sockets) socket.destroy();
  // oxlint-disable-next-line no-await-in-loop -- until all of them have ended
  for (let n = 0; own.sessions.size + mounted.sessions.size > 1; n++) {
    if (n > 2_000) throw new Error(`${own.sessions.size} and ${mounted.sessions.size} are left`);
    // oxlint-disable-next-line no-await-in-loop -- as above
    await turn();
  }
  return sequence.length;
}

test(`connections, seed ${firstSeed}`, { timeout: 0 }, async () => {
  const tell = (sequence: readonly Visit[]): string =>
    sequence.map((each) => each.join(' ')).join('\n');
  await fuzz('connections', messages * 0.02, visits, run, tell);
  // Or nothing would have been seen.
  expect(ranInAll).toBeGreaterThan(0);
});
