// A service of odds and ends, to look at what can travel: typed values, errors, methods inside of objects.
import dservice, { context } from 'dservice';

const samples = dservice('samples@2.1.0', {
  echo: (...args) => (args.length > 1 ? args : args[0]),

  values: () => ({
    date: new Date(),
    map: new Map([
      ['apples', 3],
      ['pears', 12],
    ]),
    set: new Set(['red', 'green']),
    bytes: new TextEncoder().encode('dnode, 2011'),
    bigint: 2n ** 80n,
    pattern: /^tab-[0-9a-f]+$/i,
    url: new URL('https://github.com/substack/dnode'),
    numbers: [0.1 + 0.2, -0, Number.NaN, Infinity],
    nothing: [undefined, null, ''],
    inside: { of: { objects: { of: ['objects'] } } },
  }),

  many: (count) =>
    Array.from({ length: Math.min(Number(count) || 1000, 50_000) }, (_, i) => i ** 2),

  fail(message = 'out of apples') {
    throw Object.assign(new RangeError(String(message)), { code: 'E_SAMPLE', shelf: 7 });
  },

  /** Never answers; it sees that its caller gave up. */
  never() {
    const { signal } = context();
    signal.addEventListener('abort', () => console.log(`never: the caller gave up`));
    return new Promise(() => {});
  },

  stock: {
    count: (what) => String(what).length,
    shelf: { label: (n) => `Shelf ${n}` },
  },
});

await samples.start();
console.log(`serves at ${samples.endpoints.join(', ')}`);
console.log(`is instance ${samples.id}`);
