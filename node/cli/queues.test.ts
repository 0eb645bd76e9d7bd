import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { DserviceError } from '../../src/errors.js';
import { makePipeline } from '../../src/pipeline/make-pipeline.js';
import { memory } from '../../src/pipeline/memory.js';
import type { Pipeline } from '../../src/pipeline/pipeline.js';
import { turns } from '../../src/testing/recorder.js';
import { Shell } from './fixtures/shell.js';

let shell: Shell;
let orders: Pipeline;
beforeEach(() => begin(new Shell()));

/** A shell where the pipeline `orders` is kept, on the shell's clock. */
function begin(next: Shell): void {
  shell = next;
  shell.kept = memory();
  orders = pipelineOf('orders');
}

function pipelineOf(name: string): Pipeline {
  const make = makePipeline({ clock: shell.clock, store: memory });
  const logger = { info() {}, warn() {}, error() {} };
  const made = make(name, { ...(shell.kept === undefined ? {} : { store: shell.kept }), logger });
  onTestFinished(() => made.stop({ drain: false }));
  return made;
}

/** Something in every state: two in input, one behind its key, one in work, one that waits, two dead. */
async function busy(): Promise<void> {
  orders.step(
    'charge',
    async (order: { fail?: boolean; hang?: boolean }, step) => {
      if (order.fail === true) step.fail(Object.assign(new Error('no funds'), { code: 'ECARD' }));
      if (order.hang === true) await new Promise(() => {});
      step.delay('1h');
    },
    { timeout: '10m' },
  );
  await orders.push('charge', { fail: true, sku: 'a-1' }, { id: 'order-1' });
  await orders.push('charge', { fail: true, note: 'x'.repeat(100) }, { id: 'order-2' });
  await orders.push('charge', { hang: true }, { id: 'order-3', key: 'ada' });
  await orders.push('charge', {}, { id: 'order-4', key: 'ada' });
  await orders.push('charge', {}, { id: 'order-5' });
  await orders.start();
  await turns(20);
  await shell.clock.advance(240_000);
  await orders.push('ship', { sku: 'b-1' }, { id: 'order-6' });
  await orders.push('ship', { sku: 'b-2' }, { id: 'order-7' });
  await turns(20);
  await shell.clock.advance(1_500);
}

test('a table: pipelines and their queues, numbers at the right', async () => {
  await busy();
  await pipelineOf('mails').counts();
  expect(await shell.run('queues')).toBe(0);
  expect(shell.out).toBe(`\
PIPELINE  QUEUE   INPUT  HELD  WORKING  WAITING  DEAD  OLDEST
mails     -           -     -        -        -     0       -
orders    charge      0     1        1        1     2       -
orders    ship        2     0        0        0     0   1.5 s
`);
  expect(shell.err).toBe('');
  // The usual store was asked for, and nobody's leases were touched.
  expect(shell.stores).toEqual([undefined]);
  shell.taken();
  expect(await shell.run('queues', 'mails')).toBe(0);
  expect(shell.taken().split('\n')).toHaveLength(3);
});

test('--json: one array of pipelines', async () => {
  await busy();
  expect(await shell.run('queues', 'orders', '--json')).toBe(0);
  expect(JSON.parse(shell.out)).toEqual([
    {
      ...{ pipeline: 'orders', dead: 2 },
      queues: [
        { queue: 'charge', input: 0, held: 1, working: 1, waiting: 1, dead: 2 },
        { queue: 'ship', input: 2, held: 0, working: 0, waiting: 0, dead: 0, oldest: 1_500 },
      ],
    },
  ]);
});

test('more dead letters than are looked at are told together', async () => {
  orders.step('charge', (_, step) => step.fail(new Error('no funds')), { concurrency: 2_000 });
  await orders.pushAll(Array.from({ length: 1_001 }, () => ({ queue: 'charge' })));
  await orders.start();
  await turns(20);
  await shell.clock.advance(1_000);
  await orders.push('ship');
  expect(await shell.run('queues')).toBe(0);
  expect(shell.out).toMatch(/^orders +ship +1 +0 +0 +0 +- +\S+ s$/m);
  expect(shell.out).toMatch(/^orders +\(all\) +- +- +- +- +1,001 +-$/m);
});

test('no store: it is said kindly, and nothing is made', async () => {
  shell.kept = undefined;
  expect(await shell.run('queues')).toBe(0);
  expect(shell.out).toBe('');
  expect(shell.err).toBe(
    'No pipeline is kept here: there is no folder .dservice.\n' +
      '--store URL, or DSERVICE_STORE, says where they are: lmdb:./path, redis://…\n',
  );
  expect(await shell.run('queues', '--json')).toBe(0);
  expect(shell.out).toBe('[]\n');
  expect(await shell.run('queues', 'dead', 'orders')).toBe(1);
});

test('a pipeline that is not there is not begun', async () => {
  await orders.push('charge');
  expect(await shell.run('queues', 'oders')).toBe(0);
  expect(shell.err).toBe('There is no pipeline oders in memory:. There is: orders\n');
  for (const action of [
    ['peek', 'oders', 'charge'],
    ['dead', 'oders'],
    ['redrive', 'oders'],
  ]) {
    expect(await shell.run('queues', ...action)).toBe(1);
  }
  expect(await shell.run('queues', 'purge', 'oders', '--yes')).toBe(1);
  expect(await shell.kept?.pipelines()).toEqual(['orders']);
});

test('--store is handed on', async () => {
  await shell.run('queues', '--store', 'redis://localhost');
  await shell.run('queues', 'dead', 'orders', '--store', 'lmdb:./there');
  expect(shell.stores).toEqual(['redis://localhost', 'lmdb:./there']);
});

test('what is wrong with a store is said in one line', async () => {
  shell.fault = new DserviceError('ERR_STORE_AWAY', 'nobody answers');
  expect(await shell.run('queues')).toBe(1);
  expect(shell.err).toBe('ERR_STORE_AWAY: nobody answers\n');
  shell.fault = new DserviceError('ERR_OPTION', 'ftp: is no store');
  expect(await shell.run('queues', '--store', 'ftp:')).toBe(2);
  expect(shell.err).toContain('dservice: ERR_OPTION: ftp: is no store\n\nusage: dservice queues');
});

test('a pipeline that cannot be opened does not hide the others', async () => {
  await orders.push('charge');
  const kept = shell.kept ?? memory();
  shell.kept = {
    ...kept,
    pipelines: async () => ['broken', 'orders'],
    open: (name, options) => {
      if (name === 'orders') return kept.open(name, options);
      return Promise.reject(new DserviceError('ERR_STORE_VERSION', 'it is newer than this'));
    },
  };
  expect(await shell.run('queues')).toBe(1);
  expect(shell.taken()).toMatch(/^orders +charge +1/m);
  expect(shell.err).toBe('ERR_STORE_VERSION: it is newer than this\n');
  const ended = shell.run('queues', '--watch');
  await turns(20);
  await shell.clock.advance(3_000);
  expect(shell.taken()).toMatch(/^orders charge: input 1/m);
  expect(shell.err).toBe('ERR_STORE_VERSION: it is newer than this\n'.repeat(2));
  shell.closed.abort();
  await ended;
});

test('peek: the first of a queue, in any state', async () => {
  await busy();
  expect(await shell.run('queues', 'peek', 'orders', 'ship', '--limit', '1')).toBe(0);
  expect(shell.taken()).toBe(`\
ID       QUEUE  TRIES  PUSHED
order-6  ship       0  1.5 s ago
  {"sku":"b-1"}
`);
  expect(shell.err).toBe('1 of 2: --limit N shows more.\n');
  expect(await shell.run('queues', 'peek', 'orders', 'charge', '--state', 'waiting')).toBe(0);
  expect(shell.taken()).toBe(`\
ID       QUEUE   TRIES  PUSHED     DUE
order-5  charge      0  4 min ago  in 55 min
  {}
`);
  expect(await shell.run('queues', 'peek', 'orders', 'charge', '--state', 'held')).toBe(0);
  expect(shell.taken()).toMatch(/^ID .*\norder-4 +charge +ada +0 +4 min ago\n {2}\{\}\n$/);
  expect(await shell.run('queues', 'peek', 'orders', 'charge', '--state', 'working')).toBe(0);
  expect(shell.taken()).toMatch(/LEASE ENDS\norder-3 .* in \d+ min\n/);
  shell.err = '';
  expect(await shell.run('queues', 'peek', 'orders', 'charge')).toBe(0);
  expect(shell.err).toBe('Nothing is queued in charge of orders.\n');
});

test('dead: why, and with what; what is long is cut', async () => {
  await busy();
  expect(await shell.run('queues', 'dead', 'orders')).toBe(0);
  expect(shell.taken()).toBe(`\
ID       QUEUE   TRIES  PUSHED     DIED
order-1  charge      1  4 min ago  4 min ago
  ECARD: no funds
  {"fail":true,"sku":"a-1"}
order-2  charge      1  4 min ago  4 min ago
  ECARD: no funds
  {"fail":true,"note":"${'x'.repeat(56)}…
`);
  expect(await shell.run('queues', 'dead', 'orders', '--queue', 'ship', '--json')).toBe(0);
  expect(shell.taken()).toBe('[]\n');
  expect(await shell.run('queues', 'dead', 'orders', '--limit', '1', '--json')).toBe(0);
  expect(JSON.parse(shell.taken())).toEqual([
    {
      ...{ id: 'order-1', queue: 'charge', tries: 1 },
      ...{ pushed: '2020-01-01T00:00:00.000Z', at: expect.stringMatching(/^2020-/) },
      error: { name: 'Error', message: 'no funds', code: 'ECARD' },
      data: { fail: true, sku: 'a-1' },
    },
  ]);
});

test('control characters of data, ids and names are shown, not obeyed', async () => {
  await orders.push('a\u009bb', { '\u001b[2J': '\u202e' });
  expect(await shell.run('queues')).toBe(0);
  expect(await shell.run('queues', 'peek', 'orders', 'a\u009bb')).toBe(0);
  // oxlint-disable-next-line no-control-regex -- they are what must not be there
  expect(shell.out).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
  expect(shell.out).toContain('a\\u009bb');
});

test('redrive: all, or those that fit', async () => {
  await busy();
  await orders.stop({ drain: false });
  expect(await shell.run('queues', 'redrive', 'orders', '--code', 'EOTHER')).toBe(0);
  expect(shell.taken()).toBe('Nothing was there that fits.\n');
  const args = ['--id', 'order-1', '--id', 'order-1', '--to', 'charge-again', '--no-reset'];
  expect(await shell.run('queues', 'redrive', 'orders', ...args)).toBe(0);
  expect(shell.taken()).toBe('1 command is in charge-again again.\n');
  expect(await orders.peek('charge-again')).toMatchObject([{ id: 'order-1', tries: 1 }]);
  expect(await shell.run('queues', 'redrive', 'orders', '--id', 'order-1', '--id', 'no')).toBe(1);
  expect(shell.err).toBe('2 ids were not there.\n');
  shell.taken();
  expect(await shell.run('queues', 'redrive', 'orders', '--queue', 'charge')).toBe(0);
  expect(shell.taken()).toBe('1 command is in its queue again.\n');
  expect((await orders.counts()).dead).toBe(0);
});

test('purge: what fits; all only if that is said; never what is worked on', async () => {
  await busy();
  expect(await shell.run('queues', 'purge', 'orders')).toBe(2);
  expect(shell.err).toContain(
    'dservice: this removes all that is dead, 2 commands of orders, for good: say --yes, or which\n',
  );
  expect((await orders.counts()).dead).toBe(2);
  expect(await shell.run('queues', 'purge', 'orders', '--older', '1h')).toBe(0);
  expect(shell.taken()).toBe('Nothing was there that fits.\n');
  expect(await shell.run('queues', 'purge', 'orders', '--older', '1m', '--id', 'order-2')).toBe(0);
  expect(shell.taken()).toBe('1 command is gone.\n');
  expect(await shell.run('queues', 'purge', 'orders', '--yes')).toBe(0);
  expect((await orders.counts()).dead).toBe(0);
  expect(await shell.run('queues', 'purge', 'orders', '--state', 'working', '--yes')).toBe(2);
  shell.taken();
  // In all queues, where none is named.
  await orders.push('mail');
  expect(await shell.run('queues', 'purge', 'orders', '--state', 'input', '--yes')).toBe(0);
  expect(shell.taken()).toBe('3 commands are gone.\n');
  expect((await orders.counts()).queues).toEqual({
    charge: { input: 0, held: 1, working: 1, waiting: 1 },
  });
});

test.each([
  [['queues', 'a', 'b'], 'queues takes one pipeline at most; or first: peek, dead, redrive, purge'],
  [['queues', 'peek', 'orders'], 'queues peek needs a pipeline and a queue'],
  [['queues', 'peek', 'orders', 'a', '--state', 'late'], '--state is input, held,'],
  [['queues', 'peek', 'orders', 'a', '--limit', '0'], '--limit takes a whole number from 1'],
  [['queues', 'dead'], 'queues dead needs one pipeline'],
  [['queues', 'redrive', 'a', 'b'], 'queues redrive needs one pipeline'],
  [['queues', 'purge', 'a', '--older', 'soon'], '--older takes a time, as --older 24h, not "soon"'],
  [['queues', '--wach'], "Unknown option '--wach'"],
])('wrong usage: %j', async (args, message) => {
  expect(await shell.run(...args)).toBe(2);
  expect(shell.err).toContain(message);
  expect(shell.err).toContain('usage: dservice queues');
});

test('--watch on a pipe: a line for each queue whose numbers change', async () => {
  shell.kept = undefined;
  const ended = shell.run('queues', '--watch');
  await turns(20);
  await shell.clock.advance(3_000);
  expect(shell.err).toBe('No pipeline is kept here: there is no folder .dservice.\n');
  shell.kept = memory();
  orders = pipelineOf('orders');
  await orders.push('charge');
  await orders.push('ship');
  await shell.clock.advance(1_000);
  expect(shell.taken()).toMatch(
    /^orders charge: input 1, oldest \S+ s\norders ship: input 1, oldest \S+ s\n$/,
  );
  await shell.clock.advance(60_000);
  expect(shell.taken()).toBe('');
  await orders.purge({ queue: 'charge' }, { state: 'input' });
  await shell.clock.advance(1_000);
  expect(shell.taken()).toBe('orders charge: empty\n');
  shell.closed.abort();
  expect(await ended).toBe(0);
  expect(shell.clock.pending).toBe(0);
});

test('--watch --json: an object a line', async () => {
  begin(new Shell({ terminal: true }));
  await orders.push('charge');
  const ended = shell.run('queues', 'orders', '--watch', '--json');
  await turns(20);
  await shell.clock.advance(5_000);
  await orders.push('charge');
  await shell.clock.advance(1_000);
  const objects = shell.out
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(objects).toMatchObject([
    { at: '2020-01-01T00:00:00.000Z', pipeline: 'orders', queues: [{ queue: 'charge', input: 1 }] },
    { at: '2020-01-01T00:00:06.000Z', pipeline: 'orders', queues: [{ queue: 'charge', input: 2 }] },
  ]);
  shell.closed.abort();
  await ended;
});

test('--watch on a terminal: a table, drawn anew, and what is wrong above it', async () => {
  begin(new Shell({ terminal: true, rows: 8, colors: true }));
  const ended = shell.run('queues', '--watch');
  const frame = async (): Promise<string[]> => {
    await turns(20);
    await shell.clock.advance(1_000);
    // oxlint-disable-next-line no-control-regex -- colours
    const plain = shell.taken().replace(/\u001b\[\d+m/g, '');
    return plain.split('\u001b[H\u001b[2J').at(-1)?.trimEnd().split('\n') ?? [];
  };
  expect(await frame()).toEqual(['No pipeline is kept in memory:.']);
  for (let i = 0; i < 9; i++) await orders.push(`queue-${i}`);
  const many = await frame();
  expect(many.slice(0, 3)).toEqual([
    '1 pipeline; Ctrl-C ends',
    '',
    'PIPELINE  QUEUE    INPUT  HELD  WORKING  WAITING  DEAD  OLDEST',
  ]);
  expect(many).toHaveLength(7);
  expect(many.at(-1)).toBe('and 6 more');
  shell.closed.abort();
  expect(await ended).toBe(0);
});
