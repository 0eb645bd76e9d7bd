import { count, median, megabytes, percentile99, ratio, times } from './figures.mjs';
import { ways } from './three-steps.mjs';

/** The tables of pipelines, each of what its part has measured. */
export const pipelineTables = {
  'pipelines-redis': (figures) => [
    moves(figures, {
      title: 'Pipelines on Redis',
      note: 'Redis on the same machine, with an append-only file that is flushed every second; `always`: before each answer. BullMQ has a queue and a worker for each step, the worker adds to the next queue; it is measured with as many in flight. By hand: Lua that claims 64 at once and commits them, item by item.',
      peers: [
        { label: 'BullMQ', of: bullmqOf },
        { label: 'Lua by hand', of: (way) => ofBare('bare-redis', way) },
      ],
    }),
  ],
  'pipelines-lmdb': (figures) => [
    moves(figures, {
      title: 'Pipelines on LMDB',
      note: 'Every turn is flushed to disk before it counts. By hand: a transaction that claims 64 at once, and one that commits them and is flushed. BullMQ: on a Redis that is flushed every second.',
      peers: [
        { label: 'LMDB by hand', of: (way) => ofBare('bare-lmdb', way) },
        { label: 'BullMQ', of: () => 'bullmq per32' },
      ],
    }),
  ],
  'pipelines-indexeddb': (figures) => [
    moves(figures, {
      title: 'Pipelines in IndexedDB',
      note: 'In a page of Chromium whose profile is on disk; every transaction is strict. By hand: a transaction that claims 64 at once, and one that commits them, item by item.',
      peers: [{ label: 'IndexedDB by hand', of: (way) => ofBare('bare-indexeddb', way) }],
    }),
  ],
  'pipelines-memory': (figures) => [
    moves(figures, {
      title: 'Pipelines in memory',
      note: 'What all but the store costs.',
      peers: [],
    }),
  ],
  'pipelines-idle': (all) => [idle(all)],
  'pipelines-million': (all) => [million(all)],
};

function moves(figures, { title, note, peers }) {
  const named = Object.keys(figures).map((label) => {
    const [name, way, always] = label.split(' ');
    return { label, name, way, always };
  });
  // Of what goes on in a page it cannot be told.
  const timed = Object.values(figures).every(({ cpu }) => cpu.length > 0);
  const row = ({ label, name, way, always }) => [
    `${labels[name]}${name.startsWith('bare-') ? '' : `, ${ways[way].title}`}${always === undefined ? '' : ', always'}`,
    count(median(figures[label].rate)),
    ...peers.map(({ of }) => {
      const peer = [of(way), always].filter(Boolean).join(' ');
      const isOurs = name === 'pipeline' && figures[peer] !== undefined;
      return isOurs ? times(ratio(figures[label].rate, figures[peer].rate)) : '';
    }),
    ...(timed ? [median(figures[label].cpu).toFixed(1)] : []),
  ];
  return {
    title,
    note: `${note} Moves per second: three steps that do nothing, three moves a command.${timed ? ' CPU time: of the worker, and of Redis where there is one.' : ''}`,
    rows: [
      [
        '',
        'moves per second',
        ...peers.map(({ label }) => `÷ ${label}`),
        ...(timed ? ['µs of CPU a move'] : []),
      ],
      ...named.map(row),
    ],
  };
}

const labels = {
  pipeline: 'dservice',
  bullmq: 'BullMQ',
  'bare-redis': 'Lua by hand',
  'bare-lmdb': 'LMDB by hand',
  'bare-indexeddb': 'IndexedDB by hand',
};

/** What BullMQ does with as many in flight. */
export function bullmqOf(way) {
  return way === 'per1' || way === 'single' ? `bullmq ${way}` : 'bullmq per32';
}

/** One at a time is no batch. */
function ofBare(name, way) {
  return way === 'per1' || way === 'single' ? undefined : `${name} per32`;
}

function idle(all) {
  const where = {
    memory: 'dservice in memory',
    lmdb: 'dservice on LMDB, flushed',
    redis: 'dservice on Redis',
    bullmq: 'BullMQ on Redis',
    indexeddb: 'dservice in IndexedDB, strict',
  };
  const cells = (label) => {
    const figures = all[label];
    if (figures === undefined) return ['', ''];
    return [median(figures), percentile99(figures)].map((it) => it.toFixed(1));
  };
  return {
    title: 'From a push to the first step, idle',
    note: 'Milliseconds from `push` to the beginning of the step, where nothing else is to be done: pushed by the program, or tab, whose step it is, and by another one. Redis is flushed every second.',
    rows: [
      ['', 'median', '99 %', 'from another: median', '99 %'],
      ...Object.entries(where).map(([place, label]) => [
        label,
        ...cells(`${place} same`),
        ...cells(`${place} other`),
      ]),
    ],
  };
}

function million({ queued, redis, lmdb }) {
  const row = (label, { bytes, few, many }) => {
    const of = (side, name) => side.map((it) => it[name]);
    const grown = (name) => times(ratio(of(many, name), of(few, name)));
    return [
      label,
      bytes.toFixed(0),
      ...[few, many].map((side) => count(median(of(side, 'rate')))),
      grown('rate'),
      megabytes(median(of(many, 'heap'))),
      grown('heap'),
      megabytes(median(of(many, 'external'))),
      grown('external'),
    ];
  };
  return {
    title: `${count(queued)} queued`,
    note: `Commands of 20 bytes: what each takes of the memory of Redis, or of the disk; moves per second, 32 per step, with 20,000 queued and with ${count(queued)}, and what the worker has in use then, after a collection.`,
    rows: [
      [
        '',
        'bytes each',
        'moves per second, 20,000',
        count(queued),
        '÷',
        'heap',
        '÷ that with 20,000',
        'external',
        '÷ that with 20,000',
      ],
      row('dservice on Redis', redis),
      row('dservice on LMDB', lmdb),
    ],
  };
}
