import { expect, test } from 'vitest';
import { Shell } from './fixtures/shell.js';

/** In the style of 2013: the outcome goes to a callback. */
function classic(a: number, cb: (sum: number) => void): void {
  cb(a + 1);
}

const api = {
  shout: (text: string) => text.toUpperCase(),
  echo: (...args: unknown[]) => args,
  nothing: () => undefined,
  lines: () => 'one\ntwo\n',
  classic,
  typed: () => ({
    at: new Date(0),
    big: 12345678901234567890n,
    map: new Map([['a', new Set([1])]]),
  }),
  admin: { reset: () => 'done', deep: { er: () => 'deep' } },
  'dotted.name': () => 'dotted',
  limit: 5,
  fail: () => {
    throw Object.assign(new Error('the disk is full'), { code: 'ENOSPC' });
  },
  type: () => {
    throw new TypeError('no \u001b[31mnumber');
  },
  plain: () => {
    // oxlint-disable-next-line only-throw-error -- it is what a service may do
    throw 'just words';
  },
  never: () => new Promise(() => {}),
};

async function serving(): Promise<Shell> {
  const shell = new Shell();
  await shell.serve('greeter@1.2.0', api);
  return shell;
}

test.each([
  ['a string as it is', ['shout', 'hello'], 'HELLO\n'],
  ['its line end is not doubled', ['lines'], 'one\ntwo\n'],
  ['--json: a string as JSON', ['--json', 'shout', 'hello'], '"HELLO"\n'],
  ['nothing for undefined', ['nothing'], ''],
  ['--json: null for undefined', ['nothing', '--json'], 'null\n'],
  [
    'JSON arguments',
    ['echo', '--json', '1', '{"a":[true]}', 'null', '"1"', 'x y', ''],
    '[1,{"a":[true]},null,"1","x y",""]\n',
  ],
  ['numbers below zero', ['echo', '--json', '-1', '-0.5'], '[-1,-0.5]\n'],
  ['-s: all strings', ['-s', 'echo', '1', '-1', 'true', '--json'], '["1","-1","true"]\n'],
  ['--string: any digits', ['--string', 'shout', '12345678901234567890'], '12345678901234567890\n'],
  ['over several lines', ['echo', '1', 'a'], '[\n  1,\n  "a"\n]\n'],
  ['a callback is awaited', ['classic', '41'], '42\n'],
  ['a method inside', ['admin.reset'], 'done\n'],
  ['a method deep inside', ['admin.deep.er'], 'deep\n'],
  ['a name with a dot', ['dotted.name'], 'dotted\n'],
  [
    'typed values',
    ['--json', 'typed'],
    '{"at":"1970-01-01T00:00:00.000Z","big":12345678901234567890,"map":{"a":[1]}}\n',
  ],
])('%s', async (_, args, out) => {
  const shell = await serving();
  expect(await shell.run('call', 'greeter@^1', ...args)).toBe(0);
  expect(shell.out).toBe(out);
  expect(shell.err).toBe('');
  expect(shell.stopped).toBe(1);
});

test.each([
  ['an error with a code', ['fail'], 'ENOSPC: the disk is full\n'],
  ['an error without one, harmless', ['type'], 'TypeError: no \\u001b[31mnumber\n'],
  ['what is no error', ['plain'], 'Error: just words\n'],
  ['a deadline', ['never', '--deadline', '20'], /^ERR_DEADLINE: .* \(the call may have run\)\n$/],
  [
    'no such method',
    ['whisper'],
    /^ERR_METHOD: greeter@1\.2\.0 has no method "whisper", only shout, .*admin\.reset/,
  ],
  [
    'methods inside',
    ['admin'],
    'ERR_METHOD: "admin" of greeter@1.2.0 has methods inside: admin.reset, admin.deep.er\n',
  ],
  ['a value', ['limit'], 'ERR_METHOD: "limit" of greeter@1.2.0 is no method but 5\n'],
  ['what every object has', ['constructor'], /^ERR_METHOD/],
  ['what every function has', ['shout.call'], /^ERR_METHOD/],
])('fails with 1: %s', async (_, args, err) => {
  const shell = await serving();
  expect(await shell.run('call', 'greeter', ...args)).toBe(1);
  expect(shell.out).toBe('');
  if (typeof err === 'string') expect(shell.err).toBe(err);
  else expect(shell.err).toMatch(err);
  expect(shell.stopped).toBe(1);
});

test('without a method, lists them', async () => {
  const shell = await serving();
  expect(await shell.run('call', 'greeter')).toBe(0);
  const names = shell.taken().trimEnd().split('\n');
  expect(names).toContain('shout(text)');
  expect(names).toContain('admin.deep.er()');
  expect(names).not.toContain('limit');
  expect(await shell.run('call', 'greeter', '--json')).toBe(0);
  expect(JSON.parse(shell.out)).toContainEqual({ name: 'shout', params: ['text'] });
});

test('nobody there: 1, and why', async () => {
  const shell = await serving();
  expect(await shell.run('call', 'greeter@^2', 'shout', 'x', '--wait', '20')).toBe(1);
  expect(shell.err).toMatch(/^ERR_NO_INSTANCE: .*greeter@\^2.* 20 ms.*1\.2\.0/);
  expect(shell.asked[0]).toMatchObject({ wait: 20, deadline: 30_000 });
});

test('a service that comes while it waits', async () => {
  const shell = new Shell();
  const ended = shell.run('call', 'late', 'shout', 'hello');
  await shell.serve('late', api);
  expect(await ended).toBe(0);
  expect(shell.out).toBe('HELLO\n');
});

test('--auth', async () => {
  const shell = new Shell();
  const authenticate = (auth: unknown): unknown =>
    typeof auth === 'object' && auth !== null && 'token' in auth && auth.token === 7;
  await shell.serve('safe', { open: () => 'sesame' }, { authenticate });
  expect(await shell.run('call', 'safe', 'open', '--auth', '{"token": 7}')).toBe(0);
  expect(shell.taken()).toBe('sesame\n');
  expect(await shell.run('call', 'safe', 'open', '--auth', 'guess', '--wait', '100')).toBe(1);
  expect(shell.err).toMatch(/^ERR_AUTH: /);
});
