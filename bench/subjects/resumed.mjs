// Ours by a session that resumes: who serves and who calls, with a proxy in the caller's process that is cut.
import { connect as connectTcp, createServer } from 'node:net';
import { once } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import dservice, { staticDiscovery } from 'dservice/node';

/** What each wait was asked for, how often; and who waits. */
const runs = new Map();
const waiting = [];

/** Serves; resolves with where. */
export async function serveAll() {
  const service = dservice(
    'a',
    {
      wait(n) {
        runs.set(n, (runs.get(n) ?? 0) + 1);
        return new Promise((resolve) => waiting.push(() => resolve(n)));
      },
      async ask(fn, count, bytes) {
        const text = 'x'.repeat(bytes);
        const asked = Array.from({ length: count }, (_, n) => fn(n, text));
        return (await Promise.all(asked)).filter((answer, n) => answer === n).length;
      },
    },
    { discovery: staticDiscovery({ instances: [] }), deadline: 60_000 },
  );
  await service.start();
  return service.endpoints[0];
}

/** Answers all that wait, once they are so many; resolves with how many did not run once. */
export async function answerAll(count) {
  while (waiting.length < count) await setTimeout(5);
  for (const answer of waiting) answer();
  return [...runs.values()].filter((times) => times !== 1).length + count - runs.size;
}

/** @type {() => unknown} */
let back = () => {};

/**
 * Calls through a proxy, which is cut for `away` ms in the midst of `calls` calls and `callbacks` callbacks
 * of `bytes` characters each; resolves when it is whole again.
 */
export async function callAll(endpoint, { calls, callbacks, bytes, away }) {
  const proxy = await makeProxy(Number(endpoint.split(':').at(-1)));
  const instances = [{ name: 'a', endpoints: [`tcp://127.0.0.1:${proxy.port}`] }];
  const caller = dservice({ discovery: staticDiscovery({ instances }), deadline: 60_000 });
  const [remote, d] = await new Promise((resolve, reject) =>
    caller.dnodeFor('a', (error, ...found) => (error ? reject(error) : resolve(found))),
  );
  const heard = new Map();
  let lost = 0;
  d.session.on('away', () => lost++);
  let begin;
  const begun = new Promise((resolve) => (begin = resolve));
  const asked = remote.ask(
    (n) => {
      heard.set(n, (heard.get(n) ?? 0) + 1);
      if (heard.size === Math.ceil(callbacks / 10)) begin();
      return n;
    },
    callbacks,
    bytes,
  );
  const waits = Array.from({ length: calls }, (_, n) => remote.wait(n));
  await begun;
  proxy.cut();
  await new Promise((resolve) => d.session.on('away', resolve));
  const before = heard.size;
  await setTimeout(away);
  const mended = performance.now();
  proxy.mend();
  back = async () => {
    const answers = await Promise.all(waits);
    const done = performance.now();
    return {
      ms: done - mended,
      lost,
      before,
      calls: answers.filter((answer, n) => answer === n).length,
      callbacks: await asked,
      callbacksMs: performance.now() - mended,
      once: [...heard.values()].filter((times) => times === 1).length,
    };
  };
}

/** What became of it all. */
export const outcome = () => back();

async function makeProxy(port) {
  const sockets = new Set();
  let whole = true;
  const server = createServer((near) => {
    near.on('error', () => {});
    if (!whole) return near.resetAndDestroy();
    const far = connectTcp(port, '127.0.0.1');
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.once('close', () => sockets.delete(socket));
    }
    near.pipe(far).pipe(near);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: server.address().port,
    cut() {
      whole = false;
      for (const socket of sockets) socket.resetAndDestroy();
    },
    mend: () => (whole = true),
  };
}
