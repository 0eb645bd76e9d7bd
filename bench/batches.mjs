import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createTRPCClient, httpBatchLink } from '@trpc/client';
import { newHttpBatchRpcSession } from 'capnweb';
import { batch } from 'dservice';
import { median } from './figures.mjs';

const sizes = [1, 10, 100];

/**
 * ms of one HTTP request with 1, 10 and 100 calls, and of a chain of three calls: `{ dservice: { 1, 10, 100, chain },
 * … }`, medians of the rounds. One request after the other; the servers are in a process of their own.
 */
export async function measureBatches({ rounds, ms, warmUp }) {
  const child = fork(new URL('subjects/http.mjs', import.meta.url), { stdio: 'inherit' });
  const remote = {};
  try {
    const [ports] = await once(child, 'message');
    const url = (name) => `http://127.0.0.1:${ports[name]}`;
    remote.dservice = batch(url('dservice'));
    const trpc = createTRPCClient({ links: [httpBatchLink({ url: url('trpc') })] });
    const callers = {
      'dservice, batch': {
        many: (count) => calls(count, (text) => remote.dservice.shout(text)),
        chain: () => remote.dservice.user('ann').orders().latest().total,
      },
      'capnweb, HTTP batch': {
        many(count) {
          const session = newHttpBatchRpcSession(url('capnweb'));
          return calls(count, (text) => session.shout(text));
        },
        chain: async () => {
          const { total } = newHttpBatchRpcSession(url('capnweb')).user('ann').orders().latest();
          return await total;
        },
      },
      // It has no calls that stand on others: each is awaited.
      'tRPC, httpBatchLink': {
        many: (count) => calls(count, (text) => trpc.shout.mutate(text)),
        async chain() {
          await trpc.user.mutate('ann');
          await trpc.orders.mutate('1');
          return (await trpc.latest.mutate('2')).total;
        },
      },
    };
    const results = {};
    const tasks = [...sizes, 'chain'];
    for (let round = -1; round < rounds; round++) {
      for (const [name, caller] of Object.entries(callers)) {
        for (const task of tasks) {
          const run = task === 'chain' ? () => caller.chain() : () => caller.many(task);
          const took = await timed(run, round === -1 ? warmUp : ms);
          // The first round is there to warm up.
          if (round >= 0) ((results[name] ??= {})[task] ??= []).push(took);
        }
      }
    }
    return medians(results);
  } finally {
    remote.dservice?.[Symbol.dispose]();
    child.kill();
  }
}

/** So many calls at once. Their outcomes are checked. */
async function calls(count, call) {
  const all = await Promise.all(Array.from({ length: count }, () => call('hello')));
  if (all.some((text) => text !== 'HELLO')) throw new Error('a wrong answer');
}

/** ms that it takes, on average over about that many ms. */
async function timed(run, time) {
  const began = performance.now();
  let count = 0;
  while (performance.now() - began < time) {
    await run();
    count++;
  }
  return (performance.now() - began) / count;
}

/** Of each task the median of ms, and of what others take ÷ what ours takes in the same round. */
function medians(results) {
  const [ours] = Object.values(results);
  return Object.fromEntries(
    Object.entries(results).map(([name, tasks]) => [
      name,
      Object.fromEntries(
        Object.entries(tasks).map(([task, all]) => [
          task,
          { ms: median(all), ratio: median(all.map((each, round) => each / ours[task][round])) },
        ]),
      ),
    ]),
  );
}
