// A caller in the storm: calls without pause, and writes down what became of each call.
import { createWriteStream } from 'node:fs';
import { createInterface } from 'node:readline';
import dservice, { mdns, options } from 'dservice';

const { query, caller, scheme, proxy, facts, loops, deadlines } = JSON.parse(process.argv[2] ?? '');
const file = createWriteStream(facts);
const now = () => performance.timeOrigin + performance.now();
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** When this process was late itself, and by how much. */
const lags = [];
const every = 50;
let due = now() + every;
setInterval(() => {
  const late = now() - due;
  if (late > every) lags.push([now(), late]);
  due = now() + every;
}, every);
const lagSince = (from) =>
  lags.reduce((most, [at, late]) => (at >= from ? Math.max(most, late) : most), 0);

/** Multicast DNS, but for the way to what it finds: by another scheme, or round by a proxy. */
function ledBy(found) {
  const led = (endpoint) => {
    const url = new URL(endpoint);
    return `${scheme}://${proxy ?? url.hostname}:${url.port}`;
  };
  return {
    kind: found.kind,
    announce: (record, accept) => found.announce(record, accept),
    browse: (name, listener) =>
      found.browse(name, ({ type, record }) => {
        listener({ type, record: { ...record, endpoints: record.endpoints.map(led) } });
      }),
    get degraded() {
      return found.degraded;
    },
    onDegraded: (listener) => found.onDegraded(listener),
    close: () => found.close(),
  };
}

const logger = { warn() {} };
const own = dservice({
  discovery: ledBy(mdns({ reach: 'lan' })),
  reach: 'lan',
  logger,
});
const remote = await own.connect(query);
const seen = new Set();
own.discovery.browse(query.split('@')[0], ({ type, record }) => {
  if (type === 'down') seen.delete(record.id);
  else seen.add(record.id);
});

const pending = new Map();
let count = 0;
let going = true;
/** Calls in a row, of each kind, that were asked for later than `since` and succeeded. */
let since = Infinity;
const row = { once: 0, again: 0 };

async function call(kind) {
  const id = `${caller}-${count++}`;
  const [least, most] = deadlines[kind];
  const deadline = Math.round(least + Math.random() * (most - least));
  const from = now();
  const told = { id, caller, kind, from, deadline, asked: 0 };
  pending.set(id, told);
  const view = options(remote, { deadline, idempotent: kind === 'again' });
  const ms = Math.random() * 20;
  const back = () => void told.asked++;
  const withBack = kind === 'once' && count % 3 === 0;
  if (withBack) told.back = true;
  let outcome;
  try {
    const by = await (withBack ? view.ask(id, ms, back) : view.work(id, ms));
    outcome = { done: true, ...by };
  } catch (error) {
    const { code, mayHaveRun, message } = error;
    outcome = { done: false, code, mayHaveRun, message };
  }
  pending.delete(id);
  file.write(`${JSON.stringify({ ...told, ...outcome, to: now(), lag: lagSince(from) })}\n`);
  if (from >= since) row[kind] = outcome.done ? row[kind] + 1 : 0;
}

async function loop(kind) {
  while (going) {
    await call(kind);
    await pause(20 + Math.random() * 40);
  }
}
const all = [];
for (const kind of ['once', 'again']) {
  for (let i = 0; i < loops; i++) all.push(loop(kind));
}
console.log('connected');

const orders = {
  /** Says when everything is well again: so many calls of each kind in a row, and who is there is known. */
  async well(ids) {
    since = now();
    row.once = 0;
    row.again = 0;
    while (row.once < 10 || row.again < 10 || !ids.every((id) => seen.has(id))) await pause(20);
  },
  async end() {
    going = false;
    await Promise.race([
      Promise.all(all),
      pause(Math.max(...Object.values(deadlines).flat()) + 5_000),
    ]);
    for (const told of pending.values()) {
      file.write(`${JSON.stringify({ ...told, lag: lagSince(told.from) })}\n`);
    }
    await new Promise((resolve) => file.end(resolve));
    await own.stop();
  },
};
for await (const line of createInterface({ input: process.stdin })) {
  const [order, ...args] = line.split(' ');
  void orders[order](args).then(() => {
    console.log(`did ${order} ${[...seen].join(' ')}`);
    if (order === 'end') process.exit();
  });
}
