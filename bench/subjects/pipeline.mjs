// Ours, on any store, in Node and in pages.
import { pipeline } from 'dservice/pipeline';
import { inFlight } from '../in-flight.mjs';
import { command, queues } from '../three-steps.mjs';

const [first] = queues;
/** What is pushed at once. */
const batch = 1_000;

/** Lets `count` commands wait in the first queue. */
export async function prepare(store, way, count) {
  line = threeSteps(nameless(), store, way);
  await fill(line, count, way);
  waiting = count;
}

/** Works until the last of them is finished: moves, in so many seconds. */
export async function go() {
  try {
    const over = many(line, waiting);
    const start = performance.now();
    await line.start();
    await over;
    return { moves: waiting * queues.length, seconds: (performance.now() - start) / 1000 };
  } finally {
    await line.stop();
  }
}

/** The same, of commands that are each pushed when the one before is finished. */
export async function oneByOne(store, way, ms) {
  const line = threeSteps(nameless(), store, way);
  try {
    await line.start();
    let n = 0;
    const { calls, seconds } = await inFlight(1, ms, async () => {
      const over = many(line, 1);
      await line.push(first, command(n++));
      await over;
    });
    return { moves: calls * queues.length, seconds };
  } finally {
    await line.stop();
  }
}

/** Opens a pipeline, and notes when its first step has begun with what. */
export async function listen(name, store) {
  heard.clear();
  kept = pipeline(name, { store });
  kept.step(first, ({ order }) => {
    heard.set(order, now());
    onHeard();
  });
  await kept.start();
}

/** Opens a pipeline to push to it alone. */
export async function open(name, store) {
  kept = pipeline(name, { store });
  await kept.counts();
}

/** Pushes a command, and tells when. */
export async function push(n) {
  const data = command(n);
  const began = now();
  await kept.push(first, data);
  return { order: data.order, began };
}

/** When the step has begun with it: waits for that. */
export async function beginning(order) {
  while (!heard.has(order)) await new Promise((resolve) => (onHeard = resolve));
  return heard.get(order);
}

/** Lets commands wait in the first queue. */
export async function load(name, store, count) {
  const line = pipeline(name, { store });
  await fill(line, count, {});
  await line.stop();
}

/** Works for `ms`: moves per second, and what is in use in the middle of it, after a collection. */
export async function work(name, store, way, ms) {
  const line = threeSteps(name, store, way);
  let done = 0;
  line.on('moved', () => done++);
  line.on('finished', () => done++);
  await line.start();
  // At first it opens, and looks.
  await pause(200);
  const [before, start] = [done, performance.now()];
  await pause(ms);
  const rate = (done - before) / ((performance.now() - start) / 1000);
  globalThis.gc();
  const { heapUsed, external } = process.memoryUsage();
  await line.stop();
  return { rate, heap: heapUsed, external };
}

export async function stop() {
  await kept?.stop();
}

let kept;
let line;
let waiting = 0;
const heard = new Map();
let onHeard = () => {};

function threeSteps(name, store, { perStep, inAll }) {
  const line = pipeline(name, { store, ...(inAll !== undefined && { concurrency: inAll }) });
  for (const [i, queue] of queues.entries()) {
    const to = queues[i + 1];
    const run = (data, step) => {
      if (to !== undefined) step.next(to, data);
    };
    line.step(queue, run, { concurrency: perStep });
  }
  return line;
}

async function fill(line, count, { keys }) {
  for (let at = 0; at < count; at += batch) {
    const items = [];
    for (let n = at; n < Math.min(at + batch, count); n++) {
      const key = keys === undefined ? undefined : `customer-${n % (keys ?? Infinity)}`;
      items.push({ queue: first, data: command(n), ...(key !== undefined && { key }) });
    }
    await line.pushAll(items);
  }
}

/** Resolves when `count` commands have been finished. */
function many(line, count) {
  return new Promise((resolve) => {
    let left = count;
    const end = line.on('finished', () => {
      if (--left > 0) return;
      end();
      resolve();
    });
  });
}

function nameless() {
  return `bench-${crypto.randomUUID().slice(0, 8)}`;
}

/** ms on a clock that all processes of this machine share. */
function now() {
  return performance.timeOrigin + performance.now();
}

function pause(ms) {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
