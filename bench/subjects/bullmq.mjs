// BullMQ: a queue and a worker for each step, which adds to the next queue. What is finished is removed. Each of them
// has a connection of its own, as where they are made with options.
import { Queue, Worker } from 'bullmq';
import { createClient } from 'redis';
import { inFlight } from '../in-flight.mjs';
import { command, queues } from '../three-steps.mjs';

const defaultJobOptions = { removeOnComplete: true };
const batch = 1_000;

/** Lets `count` jobs wait in the first queue. */
export async function prepare(url, { perStep }, count) {
  line = await threeSteps(url, perStep);
  for (let at = 0; at < count; at += batch) {
    const jobs = Array.from({ length: Math.min(batch, count - at) }, (_, i) => {
      return { name: 'it', data: command(at + i) };
    });
    await line.first.addBulk(jobs);
  }
  waiting = count;
}

/** Works until the last of them is completed: moves, in so many seconds. */
export async function go() {
  try {
    const over = many(line.last, waiting);
    const start = performance.now();
    line.run();
    await over;
    return { moves: waiting * queues.length, seconds: (performance.now() - start) / 1000 };
  } finally {
    await line.close();
  }
}

/** The same, of jobs that are each added when the one before is completed. */
export async function oneByOne(url, { perStep }, ms) {
  const line = await threeSteps(url, perStep);
  try {
    line.run();
    let n = 0;
    const { calls, seconds } = await inFlight(1, ms, async () => {
      const over = many(line.last, 1);
      await line.first.add('it', command(n++));
      await over;
    });
    return { moves: calls * queues.length, seconds };
  } finally {
    await line.close();
  }
}

export async function listen(name, url) {
  heard.clear();
  const run = async ({ data: { order } }) => {
    heard.set(order, now());
    onHeard();
  };
  worker = new Worker(name, run, { connection: await connect(url), concurrency: 16 });
  await worker.waitUntilReady();
  await open(name, url);
}

export async function open(name, url) {
  queue = new Queue(name, { connection: await connect(url), defaultJobOptions });
  await queue.waitUntilReady();
}

export async function push(n) {
  const data = command(n);
  const began = now();
  await queue.add('it', data);
  return { order: data.order, began };
}

/** When the step has begun with it: waits for that. */
export async function beginning(order) {
  while (!heard.has(order)) await new Promise((resolve) => (onHeard = resolve));
  return heard.get(order);
}

export async function stop() {
  await worker?.close();
  await queue?.close();
  disconnect();
}

const clients = [];
const heard = new Map();
let onHeard = () => {};
let line;
let waiting = 0;
let worker;
let queue;

async function threeSteps(url, concurrency) {
  const name = crypto.randomUUID().slice(0, 8);
  const lines = [];
  for (const each of queues) {
    const options = { connection: await connect(url), defaultJobOptions };
    lines.push(new Queue(`${name}-${each}`, options));
  }
  const workers = [];
  for (const [i, line] of lines.entries()) {
    const next = lines[i + 1];
    const run = async (job) => void (await next?.add('it', job.data));
    const options = { connection: await connect(url), concurrency, autorun: false };
    workers.push(new Worker(line.name, run, options));
  }
  const all = [...lines, ...workers];
  await Promise.all(all.map((each) => each.waitUntilReady()));
  return {
    first: lines[0],
    last: workers.at(-1),
    run() {
      for (const worker of workers) void worker.run();
    },
    async close() {
      await Promise.all(workers.map((worker) => worker.close()));
      await Promise.all(lines.map((line) => line.close()));
      disconnect();
    },
  };
}

/** Resolves when a worker has completed `count` jobs. */
function many(worker, count) {
  return new Promise((resolve) => {
    let left = count;
    const onCompleted = () => {
      if (--left > 0) return;
      worker.off('completed', onCompleted);
      resolve();
    };
    worker.on('completed', onCompleted);
  });
}

async function connect(url) {
  const client = await createClient({ url }).connect();
  clients.push(client);
  return client;
}

/** What BullMQ was given, it leaves open. */
function disconnect() {
  for (const client of clients.splice(0)) client.destroy();
}

/** ms on a clock that all processes of this machine share. */
function now() {
  return performance.timeOrigin + performance.now();
}
