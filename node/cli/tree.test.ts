import { expect, onTestFinished, test } from 'vitest';
import type { InstanceRecord, InstanceState, Rely } from '../../src/discovery/record.js';
import { memoryDiscovery, MemoryNetwork } from '../../src/discovery/memory.js';
import { DserviceError } from '../../src/errors.js';
import dservice from '../index.js';
import { Shell } from './fixtures/shell.js';

/** Announces `shop@1.0.0: stock@^1 ?log` and so on. */
function town(texts: readonly string[], shell = new Shell()): Shell {
  for (const [i, text] of texts.entries()) {
    const [what = '', relies = '', state = 'up', mark = ''] = text.split(/: ?| \|/);
    const [name = '', version = ''] = what.split('@');
    const record: Partial<InstanceRecord> = {
      ...{ id: i.toString(16).padStart(16, '0'), name, version },
      // What is written is one.
      state: state as InstanceState,
      relies: relies.split(' ').filter(Boolean).map(readRely),
      ...(mark === '' ? {} : { [mark]: true }),
    };
    shell.announce(record);
  }
  return shell;
}

function readRely(text: string): Rely {
  const [name = '', range = ''] = text.replace('?', '').split('@');
  return { name, range, ...(text.startsWith('?') ? { optional: true } : {}) };
}

test('below each what it relies on, with versions, states and what is unmet', async () => {
  const shell = town([
    'shop@1.0.0: stock@^1 pay@^2 ?log',
    'shop@1.0.0: stock@^1 pay@^2 ?log |up |degraded',
    'stock@1.2.0: db@4',
    'stock@1.3.0: db@4 mail |waiting',
    'db@4.1.0:',
    'pay@1.4.0:',
    'admin@0.1.0: shop stock@^1 ?mail@^3',
    'mail@3.0.0: ?far |waiting |partial',
  ]);
  expect(await shell.listen('tree')).toBe(1);
  expect(shell.out).toBe(`\
admin@0.1.0
├─┬ shop@1.0.0 1 up, 1 degraded
│ ├─┬ stock@1.2.0 (^1)
│ │ └── db@4.1.0 (4)
│ ├─┬ stock@1.3.0 waiting (^1)
│ │ ├── db@4.1.0 (4)
│ │ └─┬ UNMET mail@3.0.0 waiting
│ │   ├── far (optional, nothing named far is on the air)
│ │   └── (more than an announcement holds)
│ ├── UNMET pay@^2 (1.4.0 is out of range)
│ └── log (optional, nothing named log is on the air)
├── stock@1.2.0 (^1) deduped
├── stock@1.3.0 waiting (^1) deduped
└── mail@3.0.0 waiting (^3, optional) deduped
pay@1.4.0
`);
  expect(shell.err).toBe(`\
UNMET pay@^2 of shop@1.0.0: 1.4.0 is out of range
UNMET mail of stock@1.3.0: 3.0.0 is waiting
`);
  expect(shell.stopped).toBe(1);
});

test('all is met: 0', async () => {
  const shell = town(['a@1.0.0: b@^1 ?c', 'b@1.0.0:']);
  expect(await shell.listen('tree')).toBe(0);
  expect(shell.err).toBe('');
});

test('what was more than an announcement holds is asked of the instance itself', async () => {
  const discovery = memoryDiscovery({ network: new MemoryNetwork() });
  const shop = dservice('shop@1.0.0', {}, { discovery, manifest: false });
  onTestFinished(() => shop.stop(0));
  await shop.rely('stock@^1', { optional: true }).start();
  const { id, name, version, endpoints } = shop.record;
  const shell = new Shell();
  shell.announce({ id, name, version, endpoints, relies: [], partial: true });
  shell.announce({ id: 'f'.repeat(16), name, version: '2.0.0', endpoints, partial: true });
  shell.announce({ id: '1'.repeat(16), name: 'stock', version: '1.2.0', relies: [] });
  expect(await shell.listen('tree')).toBe(0);
  expect(shell.out).toBe(`\
shop@1.0.0
└── stock@1.2.0 (^1, optional)
shop@2.0.0
└── (more than an announcement holds)
`);
});

test('a circle has a root too, and is named', async () => {
  const shell = town([
    'front@1.0.0: a |stuck',
    'a@1.0.0: b@^2 |stuck',
    'b@2.1.0: a |waiting',
    'x@1.0.0: y',
    'y@1.0.0: x',
  ]);
  expect(await shell.listen('tree')).toBe(1);
  expect(shell.out).toBe(`\
front@1.0.0 stuck
└─┬ UNMET a@1.0.0 stuck
  └─┬ UNMET b@2.1.0 waiting (^2)
    └── UNMET a@1.0.0 stuck cycle
x@1.0.0
└─┬ y@1.0.0
  └── x@1.0.0 cycle
`);
  expect(shell.err).toContain('These wait for each other: a@1.0.0 → b@2.1.0 → a\n');
  expect(shell.err.match(/These wait/g)).toHaveLength(1);
});

test('one that leaves needs nothing any more, and is nobody to rely on', async () => {
  const shell = town(['a@1.0.0: gone |draining', 'c@1.0.0: a']);
  expect(await shell.listen('tree')).toBe(1);
  expect(shell.err).toBe('UNMET a of c@1.0.0: 1.0.0 is draining\n');
});

test('a name narrows it, and so does what is unmet', async () => {
  const shell = town(['a@1.0.0: none', 'b@1.0.0: c', 'b@2.0.0:', 'c@1.0.0:']);
  expect(await shell.listen('tree', 'b')).toBe(0);
  expect(shell.taken()).toBe('b@1.0.0\n└── c@1.0.0\nb@2.0.0\n');
  expect(await shell.listen('tree', 'b@^2')).toBe(0);
  expect(shell.taken()).toBe('b@2.0.0\n');
  expect(await shell.listen('tree', 'd')).toBe(1);
  expect(shell.err).toBe('Nothing of d is on the air.\n');
});

test('--json: flat, since there may be circles', async () => {
  const shell = town(['a@1.0.0: b@^1 ?c |waiting', 'b@1.5.0: a |waiting', 'b@2.0.0:']);
  expect(await shell.listen('tree', '--json')).toBe(1);
  const b = { name: 'b', range: '^1', met: false, found: ['1.5.0'], others: ['2.0.0'] };
  const c = { name: 'c', range: '', optional: true, met: false, found: [], others: [] };
  const a = { name: 'a', range: '', met: false, found: ['1.0.0'], others: [] };
  const instance = (i: number, state = 'waiting') => [{ id: `000000000000000${i}`, state }];
  expect(JSON.parse(shell.out)).toEqual({
    services: [
      { name: 'a', version: '1.0.0', instances: instance(0), relies: [b, c] },
      { name: 'b', version: '1.5.0', instances: instance(1), relies: [a] },
      { name: 'b', version: '2.0.0', instances: instance(2, 'up'), relies: [] },
    ],
    cycles: [['a@1.0.0', 'b@1.5.0']],
    unmet: 2,
  });
  expect(shell.err).toBe('');
});

test('nothing on the air is no fault; a discovery that does not work is one', async () => {
  const shell = new Shell();
  expect(await shell.listen('tree')).toBe(0);
  expect(shell.err).toBe('Nothing is on the air.\n');
  shell.air.degrade(new DserviceError('ERR_DISCOVERY', 'there is no multicast'));
  expect(await shell.listen('tree')).toBe(1);
  expect(shell.err).toContain('ERR_DISCOVERY: there is no multicast\n');
});

test('a graph that branches without end is shown once', async () => {
  const layer = (i: number) =>
    `l${i}a@1.0.0: l${i + 1}a l${i + 1}b,l${i}b@1.0.0: l${i + 1}a l${i + 1}b`;
  const shell = town(Array.from({ length: 40 }, (_, i) => layer(i).split(',')).flat());
  expect(await shell.listen('tree')).toBe(1);
  expect(shell.out.split('\n').length).toBeLessThan(400);
});

test('control characters from the network are shown, not obeyed', async () => {
  const shell = new Shell();
  shell.announce({ relies: [{ name: 'x', range: '\u001b[2J' }] });
  await shell.listen('tree');
  expect(shell.out + shell.err).not.toContain('\u001b');
});
