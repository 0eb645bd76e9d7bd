// Instances of a service, and a caller that keeps many calls under way while instances go.
import dservice, { method, options } from 'dservice/node';
import { api } from './api.mjs';

const reach = { reach: 'local' };

/** Milliseconds on a clock that all processes of this machine share. */
const now = () => performance.timeOrigin + performance.now();

let service;

/** Starts an instance; resolves with its id. */
export async function instance(name) {
  const read = async (ms) => {
    if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms));
    return service.id;
  };
  service = dservice(
    `${name}@1.0.0`,
    { ...api, write: read, read: method({ idempotent: true }, (ms) => read(ms)) },
    reach,
  );
  await service.start();
  return service.id;
}

let caller;
let remote;
let running = false;
let calls = [];
let out = 0;
let idle = () => {};

/** Finds the service, and makes some calls, so that everything is connected. */
export async function meet(name, instances) {
  caller = dservice(reach);
  remote = await caller.connect(`${name}@^1`);
  const seen = new Set();
  while (seen.size < instances) {
    for (const id of await Promise.all(Array.from({ length: 64 }, () => remote.read(0))))
      seen.add(id);
  }
}

function call(what, ms, deadline) {
  const made = { at: now() };
  calls.push(made);
  out++;
  options(remote, { deadline })
    [what](ms)
    .then(
      (who) => (made.who = who),
      (error) =>
        (made.error = `${error.code}${error.mayHaveRun === false ? '' : ', may have run'}`),
    )
    .finally(() => {
      made.ms = now() - made.at;
      out--;
      if (out === 0) idle();
      if (running && made.again) call(what, ms, deadline).again = true;
    });
  return made;
}

/** Keeps so many calls in flight, each of which takes `ms` there. */
export function hold(what, count, ms, deadline = 10_000) {
  [running, calls] = [true, []];
  for (let i = 0; i < count; i++) call(what, ms, deadline).again = true;
}

let timer;
/** Makes so many calls a second, whatever becomes of them. */
export function pace(what, rate, ms, deadline = 10_000) {
  [running, calls] = [true, []];
  const began = now();
  let made = 0;
  timer = setInterval(() => {
    const due = ((now() - began) / 1_000) * rate;
    for (; made < due; made++) call(what, ms, deadline);
  }, 2);
}

/**
 * Ends that, and tells of it: `{ calls, errors, seconds, median, slowest, late, lastLost }`; `late`: calls
 * that were out for longer than their deadline; `lastLost`: when the last one was made that failed.
 */
export async function finish(deadline = 10_000) {
  running = false;
  clearInterval(timer);
  if (out > 0) await new Promise((resolve) => (idle = resolve));
  const errors = {};
  for (const { error } of calls) if (error !== undefined) errors[error] = (errors[error] ?? 0) + 1;
  const good = calls.filter(({ error }) => error === undefined).map(({ ms }) => ms);
  const all = good.sort((a, b) => a - b);
  const seconds = (now() - calls[0].at) / 1_000;
  const late = calls.filter(({ ms }) => ms > deadline + 50).length;
  return {
    ...{ calls: calls.length, errors, seconds, late },
    lastLost: Math.max(0, ...calls.filter(({ error }) => error).map(({ at }) => at)),
    ...{ median: all[Math.floor(all.length / 2)], slowest: all.at(-1) },
  };
}
