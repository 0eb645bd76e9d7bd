import { installedRuntimes, withoutRuntimes } from '../../scripts/runtimes/runtimes.mjs';
import { type Child, start } from '../child.js';
import { program } from '../run.js';

/** A runtime that starts programs. */
export interface Runtime {
  readonly name: string;
  start(name: string, text: string, ...args: string[]): Promise<Child>;
}

/** The Node that runs this, and all that are installed beside it. */
export function runtimes(): Runtime[] {
  const own = {
    name: `Node ${process.versions.node}`,
    program: process.execPath,
    args: [],
    env: {},
  };
  const others = withoutRuntimes() === undefined ? installedRuntimes() : [];
  return [own, ...others].map(({ name, program: file, args, env }) => ({
    name,
    async start(path, text, ...own) {
      return start(file, [...args, await program(path, text), ...own], { env });
    },
  }));
}

/** Serves on a port and under a name until it is ended; says `at` and the endpoint when it is there. */
export const server = `
  import dservice, { serve } from 'dservice';
  const api = {
    add: (a, b) => a + b,
    each: async (list, tell) => { for (const x of list) await tell(x * 2); return 'told'; },
    turned: (bytes) => Uint8Array.from(bytes).reverse(),
    when: (date, map) => new Map([...map, ['at', date]]),
    fail: () => { throw Object.assign(new RangeError('too far'), { code: 'ERR_FAR' }); },
    async *count(to) { for (let i = 0; i < to; i++) yield i; },
    upper: (text) => text.toUpperCase(),
  };
  const server = await serve(api, { port: 0 });
  const service = dservice(process.argv[2] + '@1.0.0', api);
  await service.start();
  console.log('at ' + server.endpoints[0]);
`;

/** Calls what the program above serves, at endpoints and, by multicast DNS, under a name; prints what came of each. */
export const caller = `
  import dservice, { dial } from 'dservice';
  const call = async (where) => {
    const remote = where.includes(':') ? await dial(where) : await dservice().connect(where);
    const heard = [];
    const said = await remote.each([1, 2, 3], (x) => void heard.push(x));
    const rows = [];
    for await (const row of await remote.count(100)) rows.push(row);
    const map = await remote.when(new Date(5), new Map([['a', 1]]));
    const bytes = await remote.turned(Uint8Array.from({ length: 70_000 }, (_, i) => i));
    const error = await remote.fail().catch((it) => it);
    const many = await Promise.all(Array.from({ length: 500 }, (_, i) => remote.add(i, 1)));
    return {
      ...{ said, heard, rows: rows.length, last: rows.at(-1), many: many.at(-1) },
      map: map.get('at').getTime() + map.get('a'),
      bytes: [bytes.length, bytes[0], bytes.at(-1)],
      error: [error.name, error.code, error.message],
    };
  };
  const reports = [];
  for (const where of process.argv.slice(2)) reports.push(await call(where));
  console.log('reports ' + JSON.stringify(reports));
  process.exit(0);
`;

/** What the program above prints of each where all is as it should be. */
export const report = {
  ...{ said: 'told', heard: [2, 4, 6], rows: 100, last: 99, map: 6, many: 500 },
  bytes: [70_000, 69_999 % 256, 0],
  error: ['RangeError', 'ERR_FAR', 'too far'],
};

/** Loads the package by all its names in both ways; prints whether they are the same things. */
export const names = `
  import { createRequire } from 'node:module';
  import dservice, { DserviceError } from 'dservice';
  import * as node from 'dservice/node';
  import * as page from 'dservice/browser';
  import dnode from 'dservice/dnode';
  import { pipeline } from 'dservice/pipeline';
  import { channelSuite } from 'dservice/testing';
  const require = createRequire(import.meta.url);
  console.log([
    typeof page.dial, typeof channelSuite,
    require('dservice') === dservice, node.default === dservice,
    require('dservice').DserviceError === DserviceError,
    require('dservice/dnode') === dnode,
    require('dservice/pipeline').pipeline === pipeline,
  ].join(' '));
`;

/** Serves by what the runtime itself hands requests to, and calls that by a batch and by events; prints what came of it. */
export const fetching = `
  import { batch, context, dial, events, fetchHandler, serve } from 'dservice';
  const handler = fetchHandler();
  const served = await serve({
    user: (name) => ({ name: () => name, transport: () => context().peer.transport }),
    each: async (list, tell) => { for (const x of list) await tell(x * 2); return 'told'; },
    async *count(to) { for (let i = 0; i < to; i++) yield i; },
  }, handler);
  const place = { port: 0, hostname: '127.0.0.1' };
  const { Deno, Bun } = globalThis;
  const port = Deno
    ? Deno.serve({ ...place, onListen() {} }, handler).addr.port
    : Bun.serve({ ...place, fetch: handler }).port;
  const url = 'http://127.0.0.1:' + port;
  const shop = batch(url);
  const user = shop.user('ann');
  const said = await Promise.all([user.name(), user.transport()]);
  const remote = await dial(events(url));
  const heard = [];
  said.push(await remote.each([1, 2, 3], (x) => void heard.push(x)));
  for await (const row of await remote.count(100)) heard.push(row);
  const other = await fetch(url + '/other');
  remote[Symbol.dispose]();
  for (let left = 100; served.sessions.size > 0 && left > 0; left--) await shop.user('bo').name();
  console.log(JSON.stringify([said, heard.length, heard.at(-1), other.status]));
  process.exit(0);
`;
