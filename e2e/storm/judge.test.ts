import { expect, test } from 'vitest';
import type { BlowFact, CallFact, History, RunFact } from './history.js';
import { judge } from './judge.js';

const places = {
  instances: { c: ['s0', 's1'] },
  ways: { c: ['c', 'proxy'] },
  isInRange: (version: string) => version.startsWith('1.'),
  recovery: 15_000,
};
const own = { instance: 'i0', version: '1.0.0' };
const call: CallFact = {
  ...{ id: 'c-0', caller: 'c', kind: 'once', from: 100_000, to: 101_000, deadline: 2_000, lag: 0 },
  ...{ asked: 0, done: true, ...own },
};
const run: RunFact = { call: 'c-0', at: 100_500, ...own };
const failed = { done: false, code: 'ERR_CONNECT', mayHaveRun: false, message: 'why' };

/** What is found where one call was made, and what else was so. */
function faultsOf(
  given: Partial<CallFact>,
  { runs = [], ...rest }: Partial<History> = {},
): readonly string[] {
  const history = { blows: [], wrong: [], over: 200_000, well: {}, ...rest };
  return judge({ calls: [{ ...call, ...given }], runs, ...history }, places);
}

const blow = (given: Partial<BlowFact>): BlowFact[] => [
  { kind: 'kill', target: 's0', from: 99_000, to: 99_500, ...given },
];

test.each<[string, Partial<CallFact>, Partial<History>]>([
  ['a call that ran', {}, { runs: [run] }],
  ['one that asked back', { back: true, asked: 1 }, { runs: [run] }],
  ['one that may run twice, and did', { kind: 'again' }, { runs: [run, run] }],
  ['one that failed, and did not run', failed, {}],
  ['one that failed, and may have run', { ...failed, mayHaveRun: true }, { runs: [run] }],
  ['one as late as its process', { to: 102_900, lag: 500 }, { runs: [run] }],
  [
    'one that failed with nobody in reach',
    { ...failed, kind: 'again' },
    { blows: blow({ kind: 'split', target: 'proxy' }) },
  ],
  [
    'one that failed where one instance was gone, and the way to the other',
    { ...failed, kind: 'again' },
    { blows: [...blow({}), ...blow({ kind: 'deaf', target: 's1', other: 'c' })] },
  ],
  ['all well in time', {}, { runs: [run], well: { c: 15_000 } }],
])('%s: nothing to find', (_, given, rest) => {
  expect(faultsOf(given, rest)).toEqual([]);
});

test.each<[string, RegExp, Partial<CallFact>, Partial<History>]>([
  ['ran twice', /^twice: c-0 ran at i0, i0$/, {}, { runs: [run, run] }],
  ['was asked back twice', /^twice: .* 2 times/, { back: true, asked: 2 }, { runs: [run] }],
  ['was answered before it had asked', /^never asked/, { back: true }, { runs: [run] }],
  ['was answered, and never ran', /^never ran: c-0/, {}, {}],
  ['ran elsewhere', /^never ran: .*i0, and ran at i1/, {}, { runs: [{ ...run, instance: 'i1' }] }],
  ['did not run, and ran', /^ran: c-0 failed with ERR_CONNECT/, failed, { runs: [run] }],
  [
    'may run twice, did not run, and ran',
    /^ran: c-0/,
    { ...failed, kind: 'again' },
    { runs: [run], blows: blow({ target: 'c', kind: 'cable' }) },
  ],
  ['is out of range', /^out of range: c-0 was/, { version: '2.0.0' }, { runs: [run] }],
  ['is late', /^late: c-0, by 600 ms/, { to: 102_600 }, { runs: [run] }],
  ['says not whether it ran', /^unknown: c-0/, { done: false, code: 'ERR_DEADLINE' }, {}],
  ['fails strangely', /^strange: c-0 failed with ERR_API/, { ...failed, code: 'ERR_API' }, {}],
  [
    'fails though another was there',
    /^in vain: c-0 failed, and s1 was/,
    { ...failed, kind: 'again' },
    { blows: blow({}) },
  ],
  [
    'fails long after',
    /^in vain: c-0 failed, and s0, s1 was/,
    { ...failed, kind: 'again' },
    { blows: blow({ target: 'c', kind: 'cable', from: 1_000, to: 80_000 }) },
  ],
  ['ends a program', /^wrong: caller c: bang/, {}, { runs: [run], wrong: ['caller c: bang'] }],
  ['is never well again', /^not well: c/, {}, { runs: [run], well: { c: Infinity } }],
])('%s: is found', (_, pattern, given, rest) => {
  expect(faultsOf(given, rest)).toEqual([expect.stringMatching(pattern)]);
});

test('who runs out of range, and who is pending, is found', () => {
  expect(
    faultsOf({ ...failed, mayHaveRun: true }, { runs: [{ ...run, version: '2.0.0' }] }),
  ).toEqual([expect.stringMatching(/^out of range: c-0 ran at 2.0.0/)]);
  const { to: _, done: __, ...pending } = call;
  const history = { runs: [], blows: [], wrong: [], over: 200_000, well: {} };
  expect(judge({ calls: [pending], ...history }, places)).toEqual([
    'pending: c-0, asked 100000 ms before the end',
  ]);
});
