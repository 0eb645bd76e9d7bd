import { expect, test } from 'vitest';
import { methodsOf, ourHello, peer, Peer, sessionPair } from '../testing/fixtures/peer.js';
import { turns } from '../testing/recorder.js';
import { readAbout, writeAbout } from './about.js';
import { Exposed } from './exposed.js';
import { method } from './method.js';

/** What a reader of ours makes of what was written. */
function carried(api: object, room = 64 * 1024) {
  const text = writeAbout(api, room);
  const message = JSON.parse(`{"method":"methods"${text}}`) as { about?: unknown };
  return Object.fromEntries(readAbout(message.about));
}

const api = {
  shout: (text: string) => text.toUpperCase(),
  read: method({ idempotent: true, summary: 'Reads one.', concurrency: 3 }, (id: string) => id),
  max: Math.max,
  total: method({ params: ['list'] }, (...given: number[]) => given.length),
  admin: { stop: (code = 0) => code, deep: { er: () => 1 } },
  data: { n: 1, list: [() => 1] },
};

test('what is known is told by path, and only what is known', () => {
  expect(carried(api)).toEqual({
    shout: { params: ['text'] },
    read: { params: ['id'], idempotent: true, summary: 'Reads one.' },
    total: { params: ['list'] },
    'admin.stop': { params: ['code?'] },
    'admin.deep.er': { params: [] },
  });
  expect(writeAbout({ data: 1, sin: Math.sin }, 1_000)).toBe('');
});

test('methods of an exposed class, with what was said of them', () => {
  class Shelf extends Exposed {
    own = (): number => 1;
    read(id: string): string {
      return id;
    }
    get broken(): never {
      throw new Error('not to be read');
    }
    _hidden(): void {}
  }
  method({ idempotent: true }, Shelf.prototype.read);
  const shelf = { read: { params: ['id'], idempotent: true } };
  expect(carried(new Shelf())).toEqual(shelf);
  expect(carried({ shelf: new Shelf() })).toEqual({ 'shelf.read': shelf.read });
});

test('what an api has that is strange does no harm', () => {
  const loop: Record<string, unknown> = { f: (a: unknown) => a };
  loop.self = loop;
  loop.list = [loop];
  Object.defineProperty(loop, 'broken', {
    enumerable: true,
    get: () => {
      throw new Error('not to be read');
    },
  });
  Object.defineProperty(loop, '__proto__', { enumerable: true, value: { g: (b: unknown) => b } });
  expect([...readAbout(JSON.parse(`{${writeAbout(loop, 1_000).slice(1)}}`).about).keys()]).toEqual([
    'f',
    '__proto__.g',
  ]);
  const endless = (): object => ({ f: (a: unknown) => a, get next() { return endless(); } }); // prettier-ignore
  expect(carried(endless())).toEqual({ f: { params: ['a'] } });
});

test('it takes no more room than there is, and what was said comes first', () => {
  const many: Record<string, unknown> = {};
  for (let i = 0; i < 5_000; i++) many[`method${i}`] = (argument: unknown) => argument;
  many.last = method({ idempotent: true, summary: 'é'.repeat(1_000) }, (a: string) => a);
  const text = writeAbout(many, 1e9);
  expect(text.length).toBeLessThanOrEqual(16 * 1024);
  // Too far behind to be seen at all; a smaller api has it in front.
  expect(text).not.toContain('last');
  const fewer = { ...Object.fromEntries(Object.entries(many).slice(0, 900)), last: many.last };
  expect(Object.keys(carried(fewer))[0]).toBe('last');
  expect(carried(fewer).last?.summary).toHaveLength(200);
  for (const room of [0, 10, 30, 50, 2_000]) {
    expect(writeAbout(fewer, room).length).toBeLessThanOrEqual(room);
  }
  expect(/^[\x20-\x7e]*$/.test(text)).toBe(true);
});

test('what a peer says is read as far as it is what it should be', () => {
  for (const about of [undefined, null, 1, 'x', [], [1], true])
    expect(readAbout(about).size).toBe(0);
  const about: unknown = JSON.parse(`{
    "a": {"params": ["x"], "idempotent": true, "summary": "s", "more": 1},
    "b": {"params": "x", "idempotent": 1, "summary": {}},
    "c": {"params": [1]},
    "d": null, "e": [], "f": 3,
    "__proto__": {"params": ["p"], "polluted": true},
    "constructor": {"idempotent": false}
  }`);
  const read = readAbout(about);
  expect(Object.fromEntries([...read].filter(([path]) => path !== '__proto__'))).toEqual({
    a: { params: ['x'], idempotent: true, summary: 's' },
    b: {},
    c: {},
    constructor: { idempotent: false },
  });
  expect(read.get('__proto__')).toEqual({ params: ['p'] });
  expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
});

test('a flood is kept in part', () => {
  const many = Object.fromEntries(Array.from({ length: 50_000 }, (_, i) => [`m${i}`, {}]));
  expect(readAbout(many).size).toBe(1_000);
  expect(readAbout({ ['x'.repeat(100_000)]: {}, y: {} }).size).toBe(0);
  expect(readAbout({ x: { params: ['p'.repeat(70_000)] } }).size).toBe(0);
  expect(readAbout({ x: { params: Array(101).fill('p') } }).get('x')).toEqual({});
  expect(readAbout({ x: { summary: 's'.repeat(70_000) } }).get('x')?.summary).toHaveLength(200);
});

test('sessions tell each other, and again with another api', async () => {
  const { a, b } = await sessionPair({ a: { api: {} }, b: { api } });
  expect(b.about.size).toBe(0);
  expect(a.about.get('read')).toEqual({
    params: ['id'],
    idempotent: true,
    summary: 'Reads one.',
  });
  expect(a.about.get('admin.stop')).toEqual({ params: ['code?'] });
  b.announce({ other: (x: number) => x });
  await turns(2);
  expect([...a.about]).toEqual([['other', { params: ['x'] }]]);
  b.announce({ other: Math.max });
  await turns(2);
  expect(a.about.size).toBe(0);
});

test('a getter that throws is a method that throws, of which nothing is told', async () => {
  const broken = Object.defineProperty({ f: (a: unknown) => a }, 'g', {
    enumerable: true,
    get: () => {
      throw new Error('no');
    },
  });
  const { a } = await sessionPair({ b: { api: broken } });
  expect(Object.keys(a.remote)).toEqual(['f', 'g']);
  expect(a.about.get('f')).toEqual({ params: ['a'] });
});

test('a peer that says no hello is not believed, and gets nothing more than the first word', async () => {
  const them = new Peer({ api });
  await turns(1);
  expect(them.got[0]?.about).toMatchObject({ shout: { params: ['text'] } });
  await them.send({ ...methodsOf(null), about: { x: { idempotent: true } } });
  expect(them.session.about.size).toBe(0);
  them.session.announce(api);
  await turns(1);
  expect(them.last).toMatchObject({ method: 'methods' });
  expect(them.last).not.toHaveProperty('about');
});

test('a stranger learns nothing before it is let in', async () => {
  const them = await peer({ api, authenticate: () => false });
  expect(them.got.some(({ about }) => about !== undefined)).toBe(false);
  const friend = await peer({ api, authenticate: () => 'me' });
  expect(friend.got.filter(({ about }) => about !== undefined)).toHaveLength(1);
});

test('a first word keeps to its limit, and an api that fills it is told without more', async () => {
  const wide = Object.fromEntries(
    Array.from({ length: 300 }, (_, i) => [`m${i}`, (parameter: unknown) => parameter]),
  );
  for (const firstLine of [16_000, 22_000, 64 * 1024]) {
    const them = new Peer({ api: wide, limits: { firstLine }, hello: ourHello });
    await turns(1);
    const [line = ''] = them.recorder.lines;
    expect(JSON.parse(line)).toHaveProperty('dservice');
    if (firstLine > 20_000) expect(line.length).toBeLessThanOrEqual(firstLine);
    if (firstLine === 64 * 1024) expect(line).toContain('"m299":{"params":["parameter"]}');
  }
});

test('sessions that share what was said last each know what their own peer said', async () => {
  const said = { last: '' };
  const of = async (api: object) => (await sessionPair({ a: { said }, b: { api } })).a;
  const [first, same, other] = [await of(api), await of(api), await of({ one: (x: number) => x })];
  const kept = said.last;
  const again = await of({ one: (x: number) => x });
  expect(said.last).toBe(kept);
  expect([...same.about]).toEqual([...first.about]);
  expect(first.about.get('total')).toEqual({ params: ['list'] });
  expect([...other.about]).toEqual([['one', { params: ['x'] }]]);
  expect([...again.about]).toEqual([...other.about]);
  const silent = await of({});
  expect(silent.about.size).toBe(0);
});
