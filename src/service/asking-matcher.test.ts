import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DserviceError } from '../errors.js';
import { VirtualClock } from '../testing/virtual-clock.js';
import { AskingMatcher } from './asking-matcher.js';
import { semverMatcher } from './range.js';

function setup(
  ask: (range: string, versions: readonly string[]) => boolean[] = (range, versions) =>
    versions.map((version) => semverMatcher.satisfies(version, range)),
) {
  const clock = new VirtualClock();
  const asked: string[] = [];
  const matcher = new AskingMatcher(async (range, versions) => {
    asked.push(`${range}: ${versions.join(' ')}`);
    return ask(range, versions);
  }, clock);
  let learned = 0;
  matcher.onLearned(() => learned++);
  return { clock, matcher, asked, learned: () => learned };
}

describe('versions are read and compared as npm does', () => {
  const id = fc.oneof(
    fc.nat(30).map(String),
    fc.stringMatching(/^[a-zA-Z-][0-9a-zA-Z-]{0,4}$/),
    fc.stringMatching(/^[0-9a-zA-Z-]{1,4}$/),
  );
  const ids = fc.array(id, { minLength: 1, maxLength: 3 }).map((all) => all.join('.'));
  const version = fc
    .tuple(
      fc.constantFrom('', 'v', ' ', '='),
      fc.array(fc.nat(12), { minLength: 3, maxLength: 3 }).map((all) => all.join('.')),
      fc.option(ids, { nil: undefined }),
      fc.option(ids, { nil: undefined }),
    )
    .map(
      ([start, numbers, pre, build]) =>
        `${start}${numbers}${pre === undefined ? '' : `-${pre}`}${build === undefined ? '' : `+${build}`}`,
    );
  const { matcher } = setup();

  test('those that are', () => {
    fc.assert(
      fc.property(version, (text) => {
        expect(matcher.version(text)).toBe(semverMatcher.version(text));
      }),
      { numRuns: 2_000 },
    );
  });

  test('those that are not', () => {
    for (const text of ['', '1', '1.2', '1.2.3.4', '01.2.3', '1.2.3-', '1.2.3-01', 'x', '^1.2.3']) {
      expect([text, matcher.version(text)]).toEqual([text, semverMatcher.version(text)]);
    }
    const huge = `${'9'.repeat(17)}.0.0`;
    expect(matcher.version(huge)).toBe(semverMatcher.version(huge));
  });

  test('which is older', () => {
    const plain = version.filter((text) => semverMatcher.version(text) !== undefined);
    fc.assert(
      fc.property(plain, plain, (a, b) => {
        expect(Math.sign(matcher.compare(a, b))).toBe(semverMatcher.compare(a, b));
      }),
      { numRuns: 2_000 },
    );
  });
});

test('ranges are asked for, all versions of a turn at once, and each pair once', async () => {
  const { clock, matcher, asked, learned } = setup();
  expect(matcher.satisfies('1.2.3', '^1')).toBe(false);
  expect(matcher.satisfies('2.0.0', '^1')).toBe(false);
  await clock.advance(0);
  expect(learned()).toBe(1);
  expect(matcher.satisfies('1.2.3', '^1')).toBe(true);
  expect(matcher.satisfies('2.0.0', '^1')).toBe(false);
  await clock.advance(0);
  expect(asked).toEqual(['^1: 1.2.3 2.0.0']);
});

test('what is no range is known as such once it was asked for', async () => {
  const { clock, matcher, learned } = setup(() => {
    throw new DserviceError('ERR_RANGE', 'no');
  });
  expect(matcher.isRange('1 to 2')).toBe(true);
  expect(matcher.isRange('(1)')).toBe(false);
  matcher.satisfies('1.2.3', '1 to 2');
  await clock.advance(0);
  expect([matcher.isRange('1 to 2'), learned()]).toEqual([false, 1]);
});

test('who cannot answer is asked again', async () => {
  let fails = true;
  const { clock, matcher, learned } = setup((range, versions) => {
    if (fails) throw new Error('away');
    return versions.map((version) => semverMatcher.satisfies(version, range));
  });
  matcher.satisfies('1.2.3', '^1');
  await clock.advance(0);
  expect(learned()).toBe(0);
  fails = false;
  await clock.advance(1_000);
  expect(learned()).toBe(1);
  expect(matcher.satisfies('1.2.3', '^1')).toBe(false);
  await clock.advance(0);
  expect(matcher.satisfies('1.2.3', '^1')).toBe(true);
});
