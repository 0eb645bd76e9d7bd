import { expect, test } from 'vitest';
import { check } from './checker.js';
import { Tale } from './fixtures/tale.js';
import { routeOf } from './plan.js';

const conditions = { concurrency: 4, timeout: 60, grace: 40 };
const ids = ['c-0', 'c-1', 'c-2', 'c-3', 'c-4'];

function faultsOf(tale: Tale, { concurrency = 4 } = {}): readonly string[] {
  return check(tale.history, { ...conditions, concurrency }).faults;
}

/** A run begins that has begun before, so many ms after it; `by`: whoever has it now. */
function again(tale: Tale, id: string, { by = 'w2', attempt = 2, after = 70 } = {}): void {
  const [start] = tale.of('take', id, 'start');
  if (start?.kind !== 'start') throw new Error('it never began');
  // What follows is later by as much.
  for (const fact of tale.facts) {
    if (fact.at > start.at) tale.replace(fact, { at: fact.at + after });
  }
  for (const fact of tale.of('take', id, 'effect', 'moved')) tale.replace(fact, { by, attempt });
  const { queue, key, n } = start;
  tale.tell(by, { kind: 'start', queue, id, key, n, attempt }, start.at + after);
}

test('a history in which all is well', () => {
  expect(faultsOf(new Tale())).toEqual([]);
});

type Case = [string, (tale: Tale) => void, ...string[]];

const faulty: Case[] = [
  ['a command is lost', (t) => t.without(t.of('ship', 'c-1')), 'lost: c-1 was never done in ship'],
  [
    'a command without an id is lost',
    (t) => t.without(t.of('ship', 'made')),
    'lost: made was never done in ship',
  ],
  [
    'a step has no effect',
    (t) => t.without(t.of('ship', 'c-1', 'effect')),
    'lost: c-1 was never done in ship',
  ],
  [
    'a command is forgotten',
    (t) => t.states.set('c-0', ['forgotten', 0]),
    'lost: c-0 is forgotten, and not finished',
  ],
  ['a command is in a queue still', (t) => (t.left = 1), 'left behind: 1 commands are in queues'],
  ['a dead letter is lost', (t) => t.dead.shift(), 'lost: c-3 should be dead'],
  ['a dead letter that is none', (t) => t.dead.push('c-0'), 'dead: c-0 should not be'],
  ['a dead letter twice', (t) => t.dead.push('c-3'), 'dead: some are there twice'],
  [
    'a lease is committed twice',
    (t) => {
      const stay = { queue: 'take', id: 'c-0', attempt: 1 };
      t.tell('w1', { kind: 'moved', ...stay });
    },
    'two commits: c-0 in take, attempt 1, is moved and moved',
  ],
  [
    'a lease is taken back and committed',
    (t) => {
      const stay = { queue: 'take', id: 'c-0', attempt: 1 };
      t.tell('w2', { kind: 'retried', ...stay, reaped: true });
    },
    'two commits: c-0 in take, attempt 1, is moved and retried',
  ],
  [
    'a command leaves twice, once for each of two leases',
    (t) => {
      t.tell('w1', { kind: 'killed' });
      again(t, 'c-0');
      t.tell('w1', { kind: 'moved', queue: 'take', id: 'c-0', attempt: 1 }, 6);
    },
    'two commits: c-0 in take left 2 times',
    'no lease: w2 begins attempt 2 of c-0 in take, that attempt 1 took away',
  ],
  [
    'a commit by one who never had it',
    (t) => t.replace(t.of('take', 'c-0', 'moved')[0], { by: 'w2' }),
    'no lease: c-0 in take is moved by w2, that had not begun it',
  ],
  [
    'a commit of another attempt',
    (t) => t.replace(t.of('take', 'c-0', 'moved')[0], { attempt: 2 }),
    'no lease: c-0 in take is moved by w1, that had not begun it',
  ],
  [
    'a command is begun after it was taken away',
    (t) => {
      t.tell('w1', { kind: 'killed' });
      t.tell('w2', { kind: 'start', queue: 'ship', id: 'c-0', key: 'k', n: 0, attempt: 1 });
    },
    'no lease: w2 begins attempt 1 of c-0 in ship, that attempt 1 took away',
    // It has its key a second time.
    'key: c-1 in ship began while c-0 was in hand',
  ],
  [
    'two of a key at once',
    (t) => {
      const [start] = t.of('take', 'c-1', 'start');
      t.replace(start, { at: (t.of('take', 'c-0', 'effect')[0]?.at ?? 0) - 0.5 });
    },
    'key: c-1 in take began while c-0 was in hand',
  ],
  [
    'an overtaken key',
    (t) => {
      for (const fact of t.of('take', 'c-1')) t.replace(fact, { at: fact.at - 100 });
      // Pushed before that.
      for (const { kind } of t.facts.slice(0, 4)) {
        const fact = t.facts.find((each) => each.kind === kind && each.at > 0 && each.by === 'w0');
        if (fact !== undefined) t.replace(fact, { at: fact.at - 200 });
      }
    },
    'key: c-1 overtook c-0 in take',
  ],
  [
    'a child is lost',
    (t) => t.without(t.of('ship', 'c-2/2')),
    'lost: c-2/2 was never done in ship',
  ],
  [
    'a child too many',
    (t) => t.tell('w1', { kind: 'start', queue: 'ship', id: 'c-2/4', n: 2, attempt: 1 }),
    'invented: c-2/4 in ship should never have been',
  ],
  [
    'a parent that does not know its children',
    (t) => t.states.set('c-2', ['finished', 2]),
    'children: c-2 has 2 of 3',
  ],
  [
    'a command that nobody pushed',
    (t) => t.tell('w1', { kind: 'start', queue: 'take', id: 'c-9', n: 9, attempt: 1 }),
    'invented: c-9 in take should never have been',
  ],
  [
    'a command where it should never come',
    (t) => t.tell('w1', { kind: 'start', queue: 'ship', id: 'c-3', n: 3, attempt: 1 }),
    'invented: c-3 in ship should never have been',
  ],
  [
    'an id that is new twice',
    (t) => t.tell('w2', { kind: 'pushed', batch: 0, ids, states: ['queued', ...ids.slice(1)] }),
    'pushed twice: c-0 was new to two who pushed it',
  ],
  [
    'a push that is carried out twice',
    (t) => t.tell('w1', { kind: 'pushed', batch: 1, ids: ['other'], states: ['queued'] }),
    'pushed twice: 5 has the ids made and other',
    'lost: other was never done in take',
    'lost: other was never done in make',
    'lost: other was never done in ship',
  ],
  [
    'a step before the one before it',
    (t) => t.replace(t.of('make', 'c-2', 'start')[0], { at: 4.5 }),
    'out of turn: c-2 in make, not done in take',
  ],
  [
    'a command is given to two',
    (t) => again(t, 'c-2', { attempt: 1 }),
    'redelivered: c-2 in take, attempt 1 70.0 ms after attempt 1',
  ],
  [
    'a lease is taken back before it ends',
    (t) => again(t, 'c-2', { after: 5 }),
    'redelivered: c-2 in take, attempt 2 5.0 ms after attempt 1',
  ],
  [
    'more is done again than can be',
    (t) => again(t, 'c-2'),
    'redelivered: 1 times, and 0 at most can be',
  ],
  [
    'a commit that was carried out is refused',
    (t) => {
      t.without(t.of('take', 'c-2', 'moved'));
      t.tell('w1', { kind: 'lost', queue: 'take', id: 'c-2', attempt: 1 });
    },
    'mistold: w1 was refused attempt 1 of c-2 in take, that nobody had taken',
  ],
  ['something is wrong', (t) => t.tell('w1', { kind: 'wrong', text: 'so' }), 'wrong: w1: so'],
];

test.each(faulty)('%s', (_, spoil, ...faults) => {
  const tale = new Tale();
  spoil(tale);
  expect(faultsOf(tale)).toEqual(faults);
});

const legitimate: [string, (tale: Tale) => void][] = [
  [
    'a killed worker’s commands are begun again',
    (t) => {
      again(t, 'c-2', { after: 5 });
      t.tell('w1', { kind: 'killed' });
    },
  ],
  [
    'so are those of one that stops, and it is no attempt',
    (t) => {
      again(t, 'c-2', { attempt: 1, after: 10 });
      t.tell('w1', { kind: 'stopping' }, t.of('take', 'c-2', 'start')[0]?.at);
    },
  ],
  [
    'a lease that ran out; whoever had it is too late with its effect, and its outcome',
    (t) => {
      again(t, 'c-0');
      const stay = { queue: 'take', id: 'c-0', attempt: 1 };
      t.tell('w2', { kind: 'retried', ...stay, reaped: true });
      t.tell('w1', { kind: 'effect', ...stay });
      t.tell('w1', { kind: 'lost', ...stay });
    },
  ],
  [
    'one that stood still begins what another has already',
    (t) => {
      again(t, 'c-2');
      const [first] = t.of('take', 'c-2', 'start');
      t.tell('w1', { kind: 'paused' }, 0);
      t.replace(first, { at: (t.of('take', 'c-2', 'effect')[0]?.at ?? 0) + 0.5 });
      t.tell('w2', { kind: 'retried', queue: 'take', id: 'c-2', attempt: 1, reaped: true });
    },
  ],
  [
    'a step that fails, and one that waits',
    (t) => {
      again(t, 'c-2', { by: 'w1', after: 10 });
      const [start] = t.of('take', 'c-2', 'start');
      const stay = { queue: 'take', id: 'c-2', attempt: 1 };
      t.tell('w1', { kind: 'retried', ...stay, reaped: false }, (start?.at ?? 0) + 1);
      again(t, 'c-1', { attempt: 1, after: 5 });
      const [other] = t.of('take', 'c-1', 'start');
      const late = { kind: 'delayed', queue: 'take', id: 'c-1', attempt: 1 } as const;
      t.tell('w1', late, (other?.at ?? 0) + 1);
    },
  ],
  [
    'the same ids pushed by another',
    (t) => {
      t.tell('w2', { kind: 'pushing', batch: 0 });
      t.tell('w2', { kind: 'pushed', batch: 0, ids, states: ids.map(() => 'finished') });
    },
  ],
  [
    'a push that nobody heard the answer of, carried out',
    (t) => t.without(t.facts.filter((fact) => fact.kind === 'pushed' && fact.batch === 1)),
  ],
  [
    'and not carried out',
    (t) => {
      t.without(t.facts.filter((fact) => fact.kind === 'pushed' && fact.batch === 1));
      for (const { queue } of routeOf({ n: 5, fate: 'plain' }, 'made')) {
        t.without(t.of(queue, 'made'));
      }
    },
  ],
];

test.each(legitimate)('no fault: %s', (_, change) => {
  const tale = new Tale();
  change(tale);
  expect(faultsOf(tale)).toEqual([]);
});

test('a kill has no more done again than a worker can have in hand', () => {
  const tale = new Tale();
  again(tale, 'c-2');
  again(tale, 'c-0');
  tale.tell('w1', { kind: 'killed' });
  expect(faultsOf(tale, { concurrency: 2 })).toEqual([]);
  expect(faultsOf(tale, { concurrency: 1 })).toEqual([
    'redelivered: 2 times, and 1 at most can be',
  ]);
});
