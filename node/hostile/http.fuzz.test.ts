import fc from 'fast-check';
import { test } from 'vitest';
import { body } from './fixtures/bodies.js';
import { firstSeed, fuzzers, messages, turn } from './fixtures/fuzzing.js';
import { HttpSubject } from './fixtures/http-subject.js';
import type { Numbers } from './fixtures/shapes.js';

/** What comes: a body, and what else happens around it. */
type Step = readonly [what: number, how: number, a: number, b: number, c: number, d: number];

const nat = fc.nat(0x7fffffff);
const steps: fc.Arbitrary<Step[]> = fc.array(fc.tuple(fc.nat(31), nat, nat, nat, nat, nat), {
  minLength: 1,
  maxLength: 40,
  size: 'max',
});
const numbersOf = ([, , a, b, c, d]: Step): Numbers => [a & 0xffff, a >>> 16, b, c, d];
const textOf = (step: Step): string => body(step[1], numbersOf(step));
const tell = (sequence: readonly Step[]): string =>
  sequence
    .map((step) => `${step.join(' ')} ${JSON.stringify(textOf(step)).slice(0, 2_000)}`)
    .join('\n');

const { fuzz } = fuzzers();

/** Of some, the body never comes, or breaks off. */
const lacking = (what: number, from: number): { lack?: 'all' | 'some' } => {
  if (what < from) return {};
  return { lack: what === from ? 'all' : 'some' };
};

/** Lets all run that can. */
const settle = (subject: HttpSubject) => async (): Promise<void> => {
  for (let i = 0; i < 4; i++) {
    await turn();
    subject.clock.flush();
  }
};

const origins = [undefined, undefined, undefined, 'http://localhost', 'http://a.example'];
const originOf = (n: number): { origin?: string } => {
  const origin = origins[n % origins.length];
  return origin === undefined ? {} : { origin };
};
const credentials = ['Bearer right', 'Bearer wrong', 'Basic Og==', 'Basic ===', 'x', ''];

/** What happens between requests. */
async function meanwhile(subject: HttpSubject, [what, how, a]: Step): Promise<void> {
  if (what % 4 === 0) await turn();
  else if (what % 4 === 1) subject.clock.advance(how % 20_000);
  else if (what % 4 === 2) subject.leave(a);
  else subject.stream(a)?.request.room();
}

/** Plays a sequence to a subject of its own, which is looked at after each step, and is through at the end. */
const play =
  (step: (subject: HttpSubject, step: Step) => Promise<void>) =>
  async (sequence: readonly Step[]): Promise<number> => {
    const subject = new HttpSubject();
    const settled = settle(subject);
    for (const each of sequence) {
      const [what] = each;
      await (what >= 26 ? meanwhile(subject, each) : step(subject, each));
      subject.clock.flush();
      subject.look();
    }
    await settled();
    await subject.check(settled);
    await subject.end(settled);
    return sequence.length;
  };

const batches = play(async (subject, step) => {
  const [what, how, a, b] = step;
  const authorization = credentials[b % credentials.length] ?? '';
  const headers = how % 5 === 4 ? { headers: { authorization } } : {};
  subject.post(textOf(step), {
    ...lacking(what, 24),
    quick: a % 3 > 0,
    ...originOf(b >>> 8),
    ...headers,
  });
  if (what % 2 === 0) await turn();
});

const streams = play(async (subject, step) => {
  const [what, how, a, b, c] = step;
  const stream = subject.stream(c >>> 8);
  if (what >= 24 || stream === undefined) {
    subject.open(a % 4 > 0, originOf(b >>> 4).origin);
    return turn();
  }
  // Most are in order, since of others nothing but a status comes.
  const n =
    how % 8 > 5
      ? [stream.next - 1, stream.next + 1, -1, 1e300, 0, Number.NaN][b % 6]
      : stream.next++;
  const id =
    how % 16 === 14 ? `/dnode/${['', 'x', '..%2f', '%00', 'a'.repeat(300)][b % 5]}` : undefined;
  const begin = stream.next === 1 && a % 4 > 0 ? '{"method":"methods","arguments":[{}]}\n' : '';
  const url = id ?? stream.url(n ?? 0, c % 40 === 39);
  subject.post(begin + textOf(step), {
    url,
    ...lacking(what, 22),
    ...(c % 7 === 6 ? originOf(b >>> 8) : {}),
  });
  if (what % 3 > 0) await turn();
});

test(`batches, seed ${firstSeed}`, { timeout: 0 }, () =>
  fuzz('batches', messages * 0.1, steps, batches, tell),
);

test(`streams of events, seed ${firstSeed}`, { timeout: 0 }, () =>
  fuzz('events', messages * 0.1, steps, streams, tell),
);
