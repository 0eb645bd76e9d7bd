// Calls without pause, of whoever calls in the storm: in processes and in tabs.

const now = () => performance.timeOrigin + performance.now();
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** When whoever runs here was late itself, and by how much. */
function makeWatch() {
  const every = 50;
  const lags = [];
  let due = now() + every;
  setInterval(() => {
    const late = now() - due;
    if (late > every) lags.push([now(), late]);
    due = now() + every;
  }, every);
  return (from) => lags.reduce((most, [at, late]) => (at >= from ? Math.max(most, late) : most), 0);
}

/**
 * Keeps `loops` calls of each kind on their way, and gives `write` what became of each. `view(options)` is the remote
 * with these options; `seen()` are the ids of the instances that are known.
 */
export function makeCalls({ caller, loops, deadlines, view, seen, write }) {
  const lagSince = makeWatch();
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
    const asksBack = kind === 'once' && count % 3 === 0;
    const told = { id, caller, kind, from, deadline, back: asksBack, asked: 0 };
    pending.set(id, told);
    const remote = view({ deadline, idempotent: kind === 'again' });
    const ms = Math.random() * 20;
    const back = () => void told.asked++;
    let outcome;
    try {
      const by = await (asksBack ? remote.ask(id, ms, back) : remote.work(id, ms));
      outcome = { done: true, ...by };
    } catch ({ code, mayHaveRun, message }) {
      outcome = { done: false, code, mayHaveRun, message };
    }
    pending.delete(id);
    write({ ...told, ...outcome, to: now(), lag: lagSince(from) });
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

  return {
    /** Resolves when everything is well again: so many calls of each kind in a row, and who is there is known. */
    async well(ids) {
      since = now();
      row.once = 0;
      row.again = 0;
      while (row.once < 10 || row.again < 10 || !ids.every((id) => seen().has(id))) await pause(20);
    },
    /** Resolves when no call is on its way, or those that are have long been due: they are told as well. */
    async end() {
      going = false;
      const longest = Math.max(...Object.values(deadlines).flat());
      await Promise.race([Promise.all(all), pause(longest + 5_000)]);
      for (const told of pending.values()) write({ ...told, lag: lagSince(told.from) });
    },
  };
}

/** The ids of the instances that a service knows of that name. */
export function seenBy(service, name) {
  const ids = new Set();
  service.discovery.browse(name, ({ type, record }) => {
    if (type === 'down') ids.delete(record.id);
    else ids.add(record.id);
  });
  return () => ids;
}
