import type { On } from './place.js';
import { is, same, throws } from './same.js';

/** What structured clone keeps, by name. */
function values(): Record<string, unknown> {
  const cycle: Record<string, unknown> = { name: 'cycle' };
  cycle['self'] = cycle;
  cycle['list'] = [cycle];
  const shared = { n: 1 };
  return {
    undefined,
    null: null,
    true: true,
    zero: 0,
    'minus zero': -0,
    NaN: Number.NaN,
    infinity: Number.POSITIVE_INFINITY,
    'minus infinity': Number.NEGATIVE_INFINITY,
    fraction: 0.1 + 0.2,
    'the smallest number': Number.MIN_VALUE,
    'the largest integer': Number.MAX_SAFE_INTEGER,
    bigint: -(2n ** 200n),
    'empty string': '',
    string: 'aé€😀\u0000\n\u2028',
    'a broken surrogate': 'x\ud800y',
    'empty object': {},
    'empty array': [],
    nested: { a: [1, { b: [[{ c: undefined }]] }] },
    'a name of the prototype': JSON.parse('{"__proto__":{"a":1},"constructor":2}') as unknown,
    date: new Date(1_577_836_800_123),
    'a date before 1970': new Date(-1),
    'an invalid date': new Date(Number.NaN),
    regexp: /a(b+)/giu,
    map: new Map<unknown, unknown>([
      ['a', 1],
      [{ k: 1 }, new Map([[1, new Set(['x'])]])],
      [Number.NaN, -0],
    ]),
    set: new Set<unknown>([1, 'a', undefined, { b: 1 }]),
    bytes: new Uint8Array([0, 1, 254, 255]),
    'no bytes': new Uint8Array(0),
    numbers: new Float64Array([1.5, Number.NaN, -0]),
    bigints: new BigInt64Array([-1n, 2n ** 60n]),
    buffer: new Uint8Array([1, 2, 3]).buffer,
    'a part of a buffer': new Uint8Array([1, 2, 3, 4, 5]).subarray(1, 3),
    view: new DataView(new Uint8Array([1, 2, 3]).buffer, 1),
    error: new RangeError('out of it'),
    'an error with a cause': new Error('outer', { cause: new TypeError('inner') }),
    cycle,
    shared: [shared, shared],
    'a long string': 'ü'.repeat(100_000),
    'many items': Array.from({ length: 20_000 }, (_, i) => ({ i })),
  };
}

export function dataTests(on: On): void {
  on('data comes back as it was', async (place) => {
    const worker = await place.worker();
    const kept = Object.entries(values());
    await worker.push(kept.map(([id, data]) => ({ id, data })));
    const claims = await worker.claim(100);
    for (const [i, [name, value]] of kept.entries()) {
      same(worker.store.unpack(claims[i]?.body), value, name);
    }
    await worker.store.flush();
    await place.restart();
    const other = await place.worker('other');
    const listed = await other.list('q', 'working');
    const byName = new Map(listed.map(({ ref, body }) => [ref, body]));
    for (const [name, value] of kept)
      same(other.store.unpack(byName.get(name)), value, `${name}, later`);
  });

  on('what is in a cycle, or there twice, is one thing', async (place) => {
    const worker = await place.worker();
    const { cycle, shared } = values();
    await worker.push([{ id: 'a', data: { cycle, shared } }]);
    const data = worker.store.unpack((await worker.one()).body) as {
      readonly cycle: { readonly self: unknown; readonly list: readonly unknown[] };
      readonly shared: readonly unknown[];
    };
    is(data.cycle.self === data.cycle && data.cycle.list[0] === data.cycle, 'it refers to itself');
    is(data.shared[0] === data.shared[1], 'what was shared is shared');
  });

  on('what is given can be changed after it was packed, and what comes out too', async (place) => {
    const worker = await place.worker();
    const data = { list: [1] };
    const { body } = worker.store.pack(data);
    data.list.push(2);
    await worker.store.push([{ ref: 'a', given: true, queue: 'q', body }], [], worker.op());
    const claim = await worker.one();
    const out = worker.store.unpack(claim.body) as { readonly list: number[] };
    same(out, { list: [1] }, 'the data');
    out.list.push(3);
    same(worker.store.unpack(claim.body), { list: [1] }, 'the data, once more');
    same(
      worker.store.unpack((await worker.list('q', 'working'))[0]?.body),
      { list: [1] },
      'the data that is kept',
    );
  });

  on('the size is about that of the data', async (place) => {
    const store = await place.open();
    const size = (data: unknown): number => store.pack(data).size;
    is(size('x'.repeat(10_000)) >= 10_000, 'a string of 10,000 takes as much');
    is(size('x'.repeat(10_000)) < 50_000, 'and not much more');
    is(size(new Uint8Array(10_000)) >= 10_000, 'so do bytes');
    is(size(new Map([[1, { a: 'x'.repeat(10_000) }]])) >= 10_000, 'deep inside too');
    is(size(1) < 1_000, 'a number takes little');
  });

  on('what cannot be stored is named by its path, and nothing is written', async (place) => {
    const worker = await place.worker();
    const fn = (): void => {};
    const sparse: unknown[] = [];
    sparse[3] = fn;
    const cases: [string, unknown][] = [
      ['data', fn],
      ['data', Symbol('s')],
      ['data.a', { a: fn }],
      ['data.items[2].price', { items: [1, 2, { name: 'x', price: fn }] }],
      ['data["a b"][0]', { 'a b': [fn] }],
      ['data.map.get("k").f', { map: new Map([['k', { f: fn }]]) }],
      ['data.set.value(1)', { set: new Set([1, fn]) }],
      ['data[3]', sparse],
      ['data.promise', { promise: Promise.resolve() }],
      ['data.weak', { ok: 1, weak: new WeakMap() }],
    ];
    for (const [path, data] of cases) {
      const { message } = throws(() => worker.store.pack(data), 'ERR_DATA', path);
      is(message.startsWith(`${path} `), `"${message}" begins with ${path}`);
    }
    same(await worker.store.counts(), { queues: {}, dead: 0 }, 'what was written');
    await worker.push(['a']);
    same((await worker.store.counts()).queues['q']?.input, 1, 'what is written then');
  });

  on('a body can be handed on as it came', async (place) => {
    const worker = await place.worker();
    await worker.push([{ id: 'a', data: { list: [1, new Date(5)] } }]);
    const a = await worker.one();
    const next = [worker.moved(a, 'r'), { ...worker.entry('b'), body: a.body }];
    await worker.turn([{ ...a, kind: 'done', next }]);
    const [b, moved] = [await worker.one(), await worker.one({ queue: 'r' })];
    for (const { ref, body } of [b, moved]) {
      same(worker.store.unpack(body), { list: [1, new Date(5)] }, `the data of ${ref}`);
    }
  });
}
