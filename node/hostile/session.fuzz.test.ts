import fc from 'fast-check';
import { test } from 'vitest';
import { DserviceError } from '../../src/errors.js';
import { captures, spoil } from './fixtures/captures.js';
import { firstSeed, fuzzers, messages, turn } from './fixtures/fuzzing.js';
import { line, type Numbers } from './fixtures/shapes.js';
import { type Beginning, FuzzClock, Subject } from './fixtures/subject.js';

/** Messages of one sequence, at most. */
const longest = 200;
/** What happens to one of the sessions: a message comes, or something else. */
type Step = readonly [what: number, a: number, b: number, c: number, d: number];

const beginnings: [Beginning, 'bytes' | 'messages'][] = [
  ['extended', 'messages'],
  ['plain', 'messages'],
  ['extended', 'bytes'],
  ['asked', 'messages'],
  ['silent', 'bytes'],
  ['waiting', 'messages'],
  ['stingy', 'messages'],
];

const nat = fc.nat(0x7fffffff);
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.tuple(fc.nat(beginnings.length * 40 - 1), nat, nat, nat, nat),
  { minLength: 1, maxLength: longest, size: 'max' },
);
const numbersOf = ([, a, b, c, d]: Step): Numbers => [a & 0xffff, a >>> 16, b, c, d];

const { escape, fuzz } = fuzzers();

function start(clock: FuzzClock, place: number): Subject {
  const [beginning, framing] = beginnings[place] ?? ['extended', 'messages'];
  return new Subject(clock, beginning, framing);
}

/** Several sessions at once, one of which nobody does anything to: it must notice nothing. */
async function run(sequence: readonly Step[], say: (numbers: Numbers) => string): Promise<number> {
  const clock = new FuzzClock();
  const subjects = beginnings.map((_, place) => start(clock, place));
  // On a clock of its own, or it would end of silence.
  const quiet = new FuzzClock();
  const bystander = new Subject(quiet, 'extended', 'messages');
  let sent = 0;
  for (const step of sequence) {
    const place = step[0] % beginnings.length;
    let subject = subjects[place] ?? bystander;
    if (subject.session.ended) {
      subject.end(0);
      // Another peer comes, or nothing more would be said.
      subjects[place] = subject = start(clock, place);
    }
    const what = Math.floor(step[0] / beginnings.length);
    const given = numbersOf(step);
    if (what < 34) {
      subject.say(say(given), given[4]);
      sent++;
    } else if (what === 34) subject.ask(given[1]);
    else if (what === 35) clock.advance(given[1] % 5_000);
    else if (what === 36) subject.channel.fill(given[1] % 3 === 0 ? 0 : given[1] % 100_000);
    else if (what === 37) await turn();
    else if (what === 38) announce(subject, given[1]);
    else void subject.session.drain(1).catch(escape);
    clock.flush();
    subject.look();
  }
  await turn();
  clock.flush();
  for (const subject of [...subjects, bystander]) subject.check();
  if (bystander.session.ended) throw new Error('another session ended');
  subjects.push(bystander);
  for (const [i, subject] of subjects.entries()) subject.end(i + sent);
  return sent;
}

/** Tells of another api, unless the peer has no room for it. */
function announce({ session }: Subject, n: number): void {
  try {
    session.announce({ echo: (value: unknown) => value, other: () => n });
  } catch (error) {
    if (!DserviceError.is(error) || error.code !== 'ERR_LIMIT') throw error;
  }
}

const fuzzSessions = (
  name: string,
  total: number,
  say: (numbers: Numbers) => string,
): Promise<void> =>
  fuzz(
    name,
    total,
    steps,
    (sequence) => run(sequence, say),
    (sequence) => sequence.map((step) => `${step[0]} ${say(numbersOf(step))}`).join('\n'),
  );

test(`messages of every shape, seed ${firstSeed}`, { timeout: 0 }, () =>
  fuzzSessions('shapes', messages * 0.6, line),
);

test(`spoilt captures, seed ${firstSeed}`, { timeout: 0 }, () => {
  const lines = captures();
  const pick = (n: number): string => lines[n % lines.length] ?? '';
  return fuzzSessions('captures', messages * 0.2, ([how, a, at, more, b]) =>
    spoil(pick(a), pick(b), how, at, more),
  );
});
