import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { InstanceRecord } from '../../src/discovery/record.js';
import { makeRecord } from './fixtures/record.js';
import { decodeTxt, encodeTxt } from './txt.js';

const none = { e: undefined, u: undefined };
const text = (record: InstanceRecord, endpoints = none) =>
  encodeTxt(record, endpoints).map((bytes) => Buffer.from(bytes).toString());
const parse = (...strings: string[]) => decodeTxt(strings.map((string) => Buffer.from(string)));

const of = (chars: string, minLength: number, maxLength: number) =>
  fc.string({ unit: fc.constantFrom(...chars), minLength, maxLength });
const name = of('abcz0189.-', 1, 63);
const version = fc
  .tuple(fc.nat(999), fc.nat(999), fc.nat(999), fc.constantFrom('', '-beta', '-rc.1', '+build.7'))
  .map(([major, minor, patch, rest]) => `${major}.${minor}.${patch}${rest}`);
const rely = fc.record(
  {
    name: of('ab1.-', 1, 12),
    range: fc.string({ maxLength: 12 }),
    optional: fc.constant(true as const),
  },
  { requiredKeys: ['name', 'range'] },
);
const record: fc.Arbitrary<InstanceRecord> = fc.record({
  id: of('0123456789abcdef', 16, 16),
  name,
  version,
  endpoints: fc.constant([]),
  state: fc.constantFrom('waiting', 'up', 'draining', 'stuck'),
  relies: fc.array(rely, { maxLength: 5 }),
  degraded: fc.boolean(),
});

describe('a record', () => {
  test('in full', () => {
    const full = makeRecord({
      id: '0123456789abcdef',
      state: 'waiting',
      degraded: true,
      relies: [
        { name: 'store', range: '^2 || >=4, <5' },
        { name: 'log', range: '*', optional: true },
      ],
    });
    expect(text(full, { e: 'tcp: ws:', u: '/run/greeter.sock' } as never)).toEqual([
      'n=greeter',
      'v=1.2.3',
      'id=0123456789abcdef',
      's=waiting',
      'd',
      'u=/run/greeter.sock',
      'e=tcp: ws:',
      'r=store@^2 || >=4%2C <5,?log@*',
    ]);
  });

  test('comes back as it was', () => {
    fc.assert(
      fc.property(
        record,
        fc.option(fc.string({ unit: 'binary', maxLength: 300 }), { nil: undefined }),
        (given, u) => {
          const back = decodeTxt(encodeTxt(given, { e: undefined, u }));
          expect(back).toMatchObject({
            name: given.name,
            version: given.version,
            id: given.id,
            state: given.state,
            degraded: given.degraded,
            u,
          });
          const length = Buffer.byteLength(
            given.relies
              .map(({ name: on, range, optional }) => `${optional ? '?' : ''}${on}@${range}`)
              .join(','),
          );
          if (length < 200) expect(back).toMatchObject({ relies: given.relies, partial: false });
        },
      ),
    );
  });

  test('no string is longer than 255 bytes, and all are within 1300', () => {
    fc.assert(
      fc.property(record, fc.string({ unit: 'binary', maxLength: 400 }), (given, e) => {
        const strings = encodeTxt(given, { e, u: undefined });
        expect(Math.max(...strings.map(({ length }) => length))).toBeLessThanOrEqual(255);
        expect(strings.reduce((sum, { length }) => sum + length + 1, 0)).toBeLessThan(2048);
        expect(decodeTxt(strings)?.e).toBe(e);
      }),
    );
  });

  test('relies of up to 900 bytes are told, over several strings', () => {
    // 18 of 49 bytes and a comma, less the last comma.
    const relies = Array.from({ length: 18 }, (_, i) => ({
      name: `service-${String(i).padStart(2, '0')}-${'x'.repeat(30)}`,
      range: '^1.2.3',
    }));
    const strings = encodeTxt(makeRecord({ relies }), none);
    expect(strings.map((bytes) => Buffer.from(bytes).toString().split('=')[0])).toEqual([
      'n',
      'v',
      'id',
      's',
      'r',
      'r1',
      'r2',
      'r3',
    ]);
    expect(decodeTxt(strings)).toMatchObject({ relies, partial: false });
  });

  test('of longer relies it says that they are missing', () => {
    const relies = Array.from({ length: 60 }, (_, i) => ({
      name: `service-${i}`,
      range: '>=1.2.3 <4',
    }));
    const strings = encodeTxt(makeRecord({ relies }), none);
    expect(decodeTxt(strings)).toMatchObject({ relies: [], partial: true });
    expect(text(makeRecord({ relies }))).toContain('p');
  });
});

describe('reading', () => {
  test('what another stack announces: only the name is needed', () => {
    expect(parse('n=greeter')).toEqual({
      name: 'greeter',
      version: '0.0.0',
      id: undefined,
      state: 'up',
      relies: [],
      partial: false,
      degraded: false,
      e: undefined,
      u: undefined,
    });
  });

  test('keys in any case, and the first of each', () => {
    expect(parse('N=greeter', 'n=other', 'V=2.0.0', 'ID=0123456789ABCDEF')).toMatchObject({
      name: 'greeter',
      version: '2.0.0',
      id: '0123456789abcdef',
    });
  });

  test('unknown keys and empty strings are passed over', () => {
    expect(parse('', '=x', 'future=1', 'n=greeter')).toMatchObject({ name: 'greeter' });
  });

  test.each([
    [['v=1.0.0']],
    [['n=Greeter']],
    [['n=']],
    [[`n=${'a'.repeat(64)}`]],
    [['n=a', 'v=latest']],
    [['n=a', 'v=1.0']],
    [['n=a', 's=gone']],
  ])('%j is no instance', (strings) => expect(parse(...strings)).toBeUndefined());

  test('an id that is none counts as missing', () => {
    expect(parse('n=a', 'id=../../etc')?.id).toBeUndefined();
  });

  test('relies that cannot be read count as missing', () => {
    expect(parse('n=a', 'r=b@^1,,')).toMatchObject({ relies: [], partial: true });
  });

  test('nothing makes it throw', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 255 }), { maxLength: 20 }), (strings) => {
        decodeTxt(strings);
      }),
    );
    const part = fc.constantFrom(
      'n',
      'v',
      'id',
      's',
      'r',
      'r1',
      'r9',
      'e',
      'u',
      'p',
      'd',
      '=',
      ',',
      '@',
      'é',
      '%2C',
    );
    fc.assert(
      fc.property(
        fc.array(fc.array(part).map((parts) => Buffer.from(parts.join('')))),
        (strings) => {
          decodeTxt(strings);
        },
      ),
    );
  });
});
