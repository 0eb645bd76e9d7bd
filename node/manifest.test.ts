import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { Children } from './fixtures/children.js';
import { meetingPlace } from './fixtures/local.js';
import { declaredRelies, readRelies } from './manifest.js';

vi.setConfig({ testTimeout: 30_000 });

const read = (manifest: unknown) => readRelies('/app/package.json', JSON.stringify(manifest));

/** A folder with those files, for the test. */
function folder(files: Readonly<Record<string, string>>): string {
  const root = mkdtempSync(join(tmpdir(), 'dservice-'));
  onTestFinished(() => rmSync(root, { recursive: true }));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(root, path, '..'), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return root;
}

test('names, ranges as in npm, and which are optional', () => {
  const relies = read({
    name: 'shop',
    remoteDependencies: { stock: '^1', pay: '>=2 <4', log: '*', mail: '', any: ' ' },
    remoteDependenciesMeta: { log: { optional: true }, pay: { optional: false }, mail: {} },
  });
  expect(relies).toEqual([
    { name: 'stock', range: '^1' },
    { name: 'pay', range: '>=2 <4' },
    { name: 'log', range: '*', optional: true },
    { name: 'mail', range: '' },
    { name: 'any', range: '' },
  ]);
});

test.each([[{}], [{ name: 'shop', dependencies: { a: '1' } }], [{ remoteDependencies: {} }]])(
  '%j relies on nothing',
  (manifest) => expect(read(manifest)).toEqual([]),
);

test('a byte order mark is none of it', () => {
  expect(readRelies('x', '\uFEFF{"remoteDependencies":{"a":"1"}}')).toHaveLength(1);
});

const meta = (value: unknown) => ({
  remoteDependencies: { a: '1' },
  remoteDependenciesMeta: value,
});

test.each([
  ['ERR_OPTION', ' holds no object', []],
  ['ERR_OPTION', ' holds no object', null],
  ['ERR_OPTION', ': remoteDependencies: it is an object', { remoteDependencies: ['a'] }],
  ['ERR_OPTION', ': remoteDependencies: it is an object', { remoteDependencies: 'a' }],
  [
    'ERR_RANGE',
    ': remoteDependencies["a"]: "latest" is no',
    { remoteDependencies: { a: 'latest' } },
  ],
  [
    'ERR_RANGE',
    ': remoteDependencies["a"]: "workspace:^" is no',
    { remoteDependencies: { a: 'workspace:^' } },
  ],
  ['ERR_RANGE', ': remoteDependencies["a"]: a range is a string', { remoteDependencies: { a: 1 } }],
  ['ERR_NAME', ': remoteDependencies["Stock"]: ', { remoteDependencies: { Stock: '1' } }],
  ['ERR_NAME', ': remoteDependencies["@x/a"]: ', { remoteDependencies: { '@x/a': '1' } }],
  ['ERR_NAME', ': remoteDependencies["a@1"]: ', { remoteDependencies: { 'a@1': '1' } }],
  ['ERR_OPTION', ': remoteDependenciesMeta: it is an object', meta([])],
  ['ERR_OPTION', ': remoteDependenciesMeta["a"]: it is an object', meta({ a: true })],
  ['ERR_OPTION', ': remoteDependenciesMeta["a"].optional: it is', meta({ a: { optional: 'yes' } })],
  ['ERR_OPTION', ': remoteDependenciesMeta["b"]: nothing of that name', meta({ b: {} })],
])('%s %s: %j', (code, message, manifest) => {
  expect(() => read(manifest)).toThrow(
    expect.objectContaining({
      code,
      message: expect.stringContaining(`/app/package.json${message}`),
    }),
  );
});

test('keys that objects have are names like any other, and bad ones', () => {
  const text = '{"remoteDependencies":{"__proto__":"1"}}';
  expect(() => readRelies('x', text)).toThrow(expect.objectContaining({ code: 'ERR_NAME' }));
  expect(readRelies('x', '{"remoteDependencies":{"constructor":"1"}}')).toEqual([
    { name: 'constructor', range: '1' },
  ]);
});

describe('the file', () => {
  const relying = (name: string) => JSON.stringify({ remoteDependencies: { [name]: '1' } });

  test('is the nearest above the program, through a link to it', async () => {
    const root = folder({
      'package.json': relying('far'),
      'app/package.json': relying('near'),
      'app/bin/start.js': '',
      'other/x.js': '',
    });
    symlinkSync(join(root, 'app/bin/start.js'), join(root, 'other/link'));
    const names = async (program: string) =>
      (await declaredRelies(undefined, join(root, program))).map(({ name }) => name);
    expect(await names('app/bin/start.js')).toEqual(['near']);
    expect(await names('other/link')).toEqual(['near']);
    expect(await names('other/x.js')).toEqual(['far']);
    // `node server` runs server.js: no such file, and the folder is right.
    expect(await names('app/server')).toEqual(['near']);
  });

  test('need not be there', async () => {
    const root = folder({ 'x.js': '' });
    expect(await declaredRelies(undefined, join(root, 'x.js'))).toEqual([]);
  });

  test('is looked for where the program was started, if that is in no file', async () => {
    // Vitest runs in this package's folder.
    expect(await declaredRelies(undefined, undefined)).toEqual([]);
    expect(await declaredRelies(undefined, 'first-argument')).toEqual([]);
  });

  test('that is named must be there', async () => {
    const root = folder({ 'my.json': relying('a') });
    expect(await declaredRelies(join(root, 'my.json'))).toHaveLength(1);
    const file = join(root, 'none.json');
    await expect(declaredRelies(file)).rejects.toMatchObject({
      code: 'ERR_OPTION',
      message: expect.stringContaining(`${file} cannot be read: ENOENT`),
    });
    await expect(declaredRelies(root)).rejects.toMatchObject({ code: 'ERR_OPTION' });
  });

  test('that is broken is told at the start, and false turns it off', async () => {
    const root = folder({ 'package.json': '{ "name": "shop", ' });
    const file = join(root, 'package.json');
    const { start } = await meetingPlace();
    await expect(start('a', {}, { manifest: file })).rejects.toMatchObject({
      code: 'ERR_OPTION',
      message: expect.stringContaining(`${file} is no JSON: `),
    });
    await start('a', {}, { manifest: false });
  });
});

describe('a program', () => {
  let children: Children;
  beforeAll(() => void (children = new Children()));
  afterAll(() => children.close());

  test('waits for what its package declares, and its services do not wait for themselves', async () => {
    children.file('package.json', JSON.stringify({ remoteDependencies: { a: '^1', b: '^1' } }));
    const { port } = await meetingPlace();
    const child = children.start(`
      const discovery = () => mdns({ reach: 'local', port: ${port} });
      const logger = { warn() {} };
      (async () => {
        const a = dservice('a@1.0.0', {}, { discovery: discovery(), logger });
        a.on('state', (state) => console.log('a ' + state));
        const b = dservice('b@1.0.0', {}, { discovery: discovery(), logger, manifest: false });
        const starting = a.start();
        await new Promise((resolve) => a.on('state', resolve));
        await b.start();
        await starting;
        console.log(JSON.stringify(a.record.relies));
        process.stdin.on('data', async () => { await Promise.all([a.stop(), b.stop()]); process.exit(); });
      })();`);
    expect(await child.line(/^\[/)).toBe('[{"name":"b","range":"^1"}]');
    expect(child.lines.slice(0, 2)).toEqual(['a waiting', 'a up']);
    child.process.stdin?.write('\\n');
    expect(await child.ended).toEqual({ code: 0, signal: null });
  });
});
