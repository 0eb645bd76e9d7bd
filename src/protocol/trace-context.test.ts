import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readTrace } from './trace-context.js';

const trace = '0af7651916cd43dd8448eb211c80319c';
const span = 'b7ad6b7169203331';
const good = `00-${trace}-${span}-01`;

describe('traceparent', () => {
  it('is read as it is written', () => {
    expect(readTrace(good, undefined)).toEqual({ traceparent: good });
    expect(readTrace(`00-${trace}-${span}-00`, undefined)?.traceparent).toMatch(/-00$/);
  });

  it('of a later version is what this one knows of it', () => {
    expect(readTrace(`01-${trace}-${span}-03`, undefined)).toEqual({ traceparent: good });
    expect(readTrace(`cc-${trace}-${span}-fe-what-comes`, undefined)).toEqual({
      traceparent: `00-${trace}-${span}-00`,
    });
  });

  it.each([
    ['nothing', undefined],
    ['no text', 7],
    ['the reserved version', `ff-${trace}-${span}-01`],
    ['more than this version has', `${good}-more`],
    ['more, not set off', `01-${trace}-${span}-01more`],
    ['no trace', `00-${'0'.repeat(32)}-${span}-01`],
    ['no span', `00-${trace}-${'0'.repeat(16)}-01`],
    ['capitals', `00-${trace.toUpperCase()}-${span}-01`],
    ['a short trace', `00-${trace.slice(1)}-${span}-01`],
    ['a long span', `00-${trace}-${span}0-01`],
    ['no flags', `00-${trace}-${span}`],
    ['space around', ` ${good}`],
    ['a line break', `${good}\n`],
  ])('with %s is none', (_, text) => {
    expect(readTrace(text, 'a=1')).toBeUndefined();
  });
});

describe('tracestate', () => {
  const stateOf = (text: unknown): string | undefined => readTrace(good, text)?.tracestate;

  it('is kept in its order, without what stands between', () => {
    expect(stateOf('rojo=00f067aa0ba902b7,congo=t61rcWkgMzE')).toBe(
      'rojo=00f067aa0ba902b7,congo=t61rcWkgMzE',
    );
    expect(stateOf('a=1 ,, \tfw529a3039@dt=x y')).toBe('a=1,fw529a3039@dt=x y');
  });

  it.each(['', 'a', '=1', 'A=1', 'a=', 'a=b=c', 'ä=1', 'a=\u0007', 'a=1,b', 7, null, {}])(
    'that is %j is left out, and the trace is kept',
    (text) => {
      expect(readTrace(good, text)).toEqual({ traceparent: good });
    },
  );

  it('has 32 members at most', () => {
    const members = (count: number): string =>
      Array.from({ length: count }, (_, i) => `k${i}=v`).join(',');
    expect(stateOf(members(32))).toBe(members(32));
    expect(stateOf(members(33))).toBeUndefined();
  });

  it('has 512 characters at most: the long go first, then the last', () => {
    const long = `long=${'x'.repeat(200)}`;
    const short = (name: string): string => `${name}=${'y'.repeat(100)}`;
    const text = [short('a'), long, short('b'), short('c'), short('d'), short('e')].join(',');
    expect(stateOf(text)).toBe(['a', 'b', 'c', 'd'].map(short).join(','));
    expect(stateOf(`${'a=1,'.repeat(10_000)}a=1`)).toBeUndefined();
  });
});

it('takes whatever a peer sends, and gives nothing longer', () => {
  const part = fc.oneof(
    fc.string(),
    fc.constantFrom(good, 'a=1', ',', '=', `b=${'z'.repeat(255)}`, '00-', 'ff-'),
  );
  const text = fc.array(part).map((parts) => parts.join(''));
  const anything = fc.oneof(text, fc.anything(), fc.constant(good));
  fc.assert(
    fc.property(anything, anything, (parent, state) => {
      const read = readTrace(parent, state);
      if (read === undefined) return;
      expect(read.traceparent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/);
      expect(read.tracestate?.length ?? 1).toBeGreaterThan(0);
      expect(read.tracestate?.length ?? 0).toBeLessThanOrEqual(512);
      // What was read is read again as it is.
      expect(readTrace(read.traceparent, read.tracestate)).toEqual(read);
    }),
  );
});
