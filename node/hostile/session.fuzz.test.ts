import fc from 'fast-check';
import { afterAll, beforeAll, test } from 'vitest';
import { DserviceError } from '../../src/errors.js';
import { captures, spoil } from './fixtures/captures.js';
import { checkCheaply, guardIntrinsics } from './fixtures/intrinsics.js';
import { line, type Numbers } from './fixtures/shapes.js';
import { type Beginning, FuzzClock, Subject } from './fixtures/subject.js';

// FUZZ_MESSAGES says how many messages (`npm run fuzz` asks for millions), FUZZ_SEED repeats a run.
const messages = Number(process.env.FUZZ_MESSAGES ?? 30_000);
const long = process.env.FUZZ_MESSAGES !== undefined;
const firstSeed = Number(process.env.FUZZ_SEED ?? Math.floor(Math.random() * 2 ** 31));

/** Messages of one sequence, at most. */
const longest = 200;
/** Messages between two looks at the heap and the intrinsics. */
const batch = Math.min(messages / 5, 100_000);
/** Bytes by which the heap may differ from what it was after the first batch. */
const growth = 30 * 1024 * 1024;

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

// Stacks cost more than the rest of a refusal; what fails is run again by its seed.
if (long) Error.stackTraceLimit = 0;
const guard = guardIntrinsics();
const escaped: unknown[] = [];
const escape = (error: unknown): void => void escaped.push(error);
beforeAll(() => {
  process.on('unhandledRejection', escape);
  process.on('uncaughtException', escape);
});
afterAll(() => {
  process.off('unhandledRejection', escape);
  process.off('uncaughtException', escape);
});

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function start(clock: FuzzClock, place: number): Subject {
  const [beginning, framing] = beginnings[place] ?? ['extended', 'messages'];
  return new Subject(clock, beginning, framing);
}

/** Several sessions at once, one of which nobody does anything to: it must notice nothing. */
async function run(sequence: readonly Step[], say: (numbers: Numbers) => string): Promise<number> {
  const clock = new FuzzClock();
  const began = performance.now();
  const subjects = beginnings.map((_, place) => start(clock, place));
  // On a clock of its own, or it would end of silence.
  const quiet = new FuzzClock();
  const bystander = new Subject(quiet, 'extended', 'messages');
  let sent = 0;
  try {
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
    await turn();
    checkCheaply();
    if (escaped.length > 0) throw new Error(`escaped: ${String(escaped.splice(0)[0])}`);
    if (performance.now() - began > 20_000) throw new Error('it took longer than 20 s');
  } catch (error) {
    const text = sequence.map((step) => `${step[0]} ${say(numbersOf(step))}`).join('\n');
    throw new Error(
      `${error instanceof Error ? (error.stack ?? '') : String(error)}\nafter\n${text}`,
      { cause: error },
    );
  }
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

/** Runs a property until so many messages were sent, in batches that each have a seed of their own. */
async function fuzz(name: string, total: number, say: (numbers: Numbers) => string): Promise<void> {
  const start = performance.now();
  let sent = 0;
  let heap: number | undefined;
  for (let seed = firstSeed; sent < total; seed++) {
    const until = Math.min(total, sent + batch);
    let runs = 0;
    while (sent < until) {
      const property = fc.asyncProperty(steps, async (sequence) => {
        sent += await run(sequence, say);
      });
      // What fails is shrunk, and printed with its seed and path.
      await fc.assert(property, { seed: seed + runs * 7_919, numRuns: 200 });
      runs++;
      if (!long && performance.now() - start > 4_000) break;
    }
    guard();
    for (let i = 0; i < 3; i++) {
      globalThis.gc?.();
      await turn();
    }
    const { heapUsed } = process.memoryUsage();
    heap ??= heapUsed;
    const seconds = (performance.now() - start) / 1_000;
    if (long) {
      const rate = Math.round(sent / seconds);
      process.stdout.write(
        `fuzz ${name}: seed ${seed}, ${sent} messages, ${rate}/s, heap ${(heapUsed / 1e6).toFixed(1)} MB\n`,
      );
    }
    if (globalThis.gc !== undefined && heapUsed - heap > growth) {
      throw new Error(
        `the heap grew from ${heap} to ${heapUsed} bytes in ${sent} messages (seed ${seed})`,
      );
    }
    if (!long && seconds > 4) return;
  }
}

test(`messages of every shape, seed ${firstSeed}`, { timeout: 0 }, () =>
  fuzz('shapes', messages * 0.7, line),
);

test(`spoilt captures, seed ${firstSeed}`, { timeout: 0 }, () => {
  const lines = captures();
  const pick = (n: number): string => lines[n % lines.length] ?? '';
  return fuzz('captures', messages * 0.3, ([how, a, at, more, b]) =>
    spoil(pick(a), pick(b), how, at, more),
  );
});
