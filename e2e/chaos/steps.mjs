// The pipeline that is hunted: three steps, in processes and in tabs, that write down what they do.

/** A choice by chance from a seed: those of each worker are its own. */
function diceOf(text) {
  let state = 0;
  for (const letter of text) state = Math.imul(state ^ letter.charCodeAt(0), 0x01000193) >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * A worker on a store. `log.write(fact)` writes down; `log.settled()` is undefined, or resolves when what was written
 * outlives this worker. `settings`: `{ name, seed, timeout, grace, retries, concurrency }`, times in ms.
 */
export function makeWorker(pipeline, store, log, settings) {
  const { name, seed, timeout, grace, retries, concurrency } = settings;
  const chance = diceOf(`${seed} ${name}`);
  const late = new Set();
  const complain = (...data) => log.write({ kind: 'wrong', text: data.map(String).join(' ') });
  const line = pipeline('chaos', {
    store,
    grace,
    concurrency,
    deadMax: 1e9,
    dedupeMax: 1e9,
    logger: { info() {}, warn() {}, error: complain },
  });
  const options = { timeout, retries, backoff: () => 1 + Math.floor(chance() * 20) };

  /** `act`: what the step does between its beginning and its effect; false: it has none this time. */
  const step = (queue, act, next) => {
    const run = (data, step) => {
      const { id, key, attempt } = step;
      log.write({ kind: 'start', queue, id, key, attempt, n: data.n });
      if (data.id !== undefined && id.split('/')[0] !== data.id)
        complain(`${id} has data of ${data.id}`);
      if (data.at !== queue) complain(`${id} in ${queue} has data for ${data.at}`);
      const effect = () => log.write({ kind: 'effect', queue, id, attempt });
      // Some are over in the same turn, where what is written down is there at once.
      if (data.fate === 'plain' && data.n % 3 === 0 && log.settled() === undefined) {
        effect();
        next(data, step);
        return undefined;
      }
      return (async () => {
        await pause(chance() * 8);
        if ((await act(data, step)) === false) {
          await log.settled();
          return;
        }
        effect();
        await log.settled();
        next(data, step);
      })();
    };
    line.step(queue, run, options);
  };

  step(
    'take',
    async ({ fate }, { attempt }) => {
      if (fate === 'throws') await failing(log, 'it always fails');
      if (fate === 'shaky' && attempt <= 2) await failing(log, 'it fails at first');
    },
    (data, step) => step.next('make', { ...data, at: 'make' }),
  );
  step(
    'make',
    async ({ fate }, step) => {
      const { id, attempt } = step;
      if (fate === 'fails') {
        await log.settled();
        step.fail(new Error('it gives itself up'));
      }
      if (fate === 'late' && !late.has(id)) {
        late.add(id);
        log.write({ kind: 'delayed', queue: 'make', id, attempt });
        step.delay(1 + chance() * 60);
        return false;
      }
      if (fate === 'slow' && attempt === 1) await pause(timeout * 1.5);
      if (fate === 'long') {
        for (let part = 0; part < 8; part++) {
          await pause(timeout / 4);
          step.heartbeat();
        }
      }
      return true;
    },
    (data, step) => {
      const there = { ...data, at: 'ship' };
      if (data.fate === 'later') step.next('ship', there, { delay: 1 + chance() * 80 });
      else
        for (let part = data.fate === 'split' ? 3 : 1; part > 0; part--) step.next('ship', there);
    },
  );
  step(
    'ship',
    async () => {},
    () => {},
  );

  const reaped = (about) =>
    about.error?.code === 'ERR_TIMEOUT' && !/did not answer/.test(about.error.message);
  for (const [event, kind] of [
    ['moved', 'moved'],
    ['finished', 'finished'],
    ['leaseLost', 'lost'],
  ]) {
    line.on(event, ({ queue, id, attempt }) => log.write({ kind, queue, id, attempt }));
  }
  for (const kind of ['retried', 'dead']) {
    line.on(kind, (about) => {
      const { queue, id, attempt } = about;
      log.write({ kind, queue, id, attempt, reaped: reaped(about) });
    });
  }
  line.on('error', (error) => complain('a listener threw', error));

  return {
    start: () => line.start(),
    stop: (drain) => line.stop({ drain }),
    counts: () => line.counts(),
    dead: async () => (await line.dead({ limit: 1e9 })).map(({ id }) => id),
    /** How commands ended: `[id, key]` each. */
    ends: (commands) =>
      Promise.all(
        commands.map(async ([id, key]) => {
          const { state, children } = await line.finished(id, key === null ? {} : { key });
          return [state, children.length];
        }),
      ),
    async push({ number: batch, commands }) {
      log.write({ kind: 'pushing', batch });
      await log.settled();
      const items = commands.map(({ n, id, key, delay, fate }) => ({
        queue: 'take',
        data: { n, id, fate, at: 'take' },
        ...(id === undefined ? {} : { id }),
        ...(key === undefined ? {} : { key }),
        ...(delay === undefined ? {} : { delay }),
      }));
      try {
        const results = await line.pushAll(items);
        const ids = results.map((each) => each.id);
        const states = results.map((each) => each.state);
        log.write({ kind: 'pushed', batch, ids, states });
        await log.settled();
        return true;
      } catch (error) {
        log.write({ kind: 'refused', batch, code: String(error?.code ?? error) });
        return false;
      }
    },
  };
}

async function failing(log, text) {
  await log.settled();
  throw new Error(text);
}
