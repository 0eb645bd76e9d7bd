import { createServer, type AddressInfo } from 'node:net';
import { once } from 'node:events';
import { expect, onTestFinished, test, vi } from 'vitest';
import { DserviceError } from '../../src/errors.js';
import { turns } from '../../src/testing/recorder.js';
import { freePort } from '../mdns/fixtures/record.js';
import { Shell } from './fixtures/shell.js';
import { nearNames } from './near-names.js';
import { realNet } from './net.js';

vi.setConfig({ testTimeout: 20_000 });

const other = '1111111111111111';

/** Runs it with what it waits for being over at once, and says what it told. */
async function examined(shell: Shell, ...args: string[]) {
  const ended = shell.run('doctor', ...args);
  for (let i = 0; i < 5; i++) {
    await turns(5);
    await shell.clock.advance(2_000);
  }
  const code = await ended;
  const [steps = '', advice = ''] = shell.taken().split('\n\n');
  expect(shell.err).toBe('');
  expect(shell.stopped).toBe(1);
  return { code, steps: steps.split('\n').slice(3), head: steps.split('\n').slice(0, 3), advice };
}

test('one that can be reached: 0, and each step', async () => {
  const shell = new Shell();
  await shell.serve('greeter@2.1.0', {});
  shell.announce({ id: other });
  const { code, head, steps, advice } = await examined(shell, 'greeter@^2');
  expect(head).toEqual([
    'ok   looks at this machine only: lo 127.0.0.1',
    'ok   multicast is heard on lo',
    'ok   memory works',
  ]);
  expect(steps).toEqual([
    'ok   greeter is on the air: 2 instances, 1.2.0, 2.1.0',
    'ok   2.1.0 in the range ^2',
    expect.stringMatching(/^ok {3}greeter@2\.1\.0 \([0-9a-f]{16}\) is up$/),
    expect.stringMatching(
      /^ok {3}tcp:\/\/127\.0\.0\.1:\d+ answers: greeter@2\.1\.0 \([0-9a-f]{16}\)$/,
    ),
  ]);
  expect(advice).toBe('greeter@^2 can be reached\n');
  expect(code).toBe(0);
});

test.each<[string, (shell: Shell) => unknown, string, string | RegExp]>([
  [
    'nothing at all',
    () => {},
    'nothing named greeter is on the air; nothing else either',
    /^is it running\?.*--reach lan/,
  ],
  [
    'a name that is nearly the same',
    (shell) => [shell.announce({ name: 'greter' }), shell.announce({ id: other, name: 'shop' })],
    'nothing named greeter is on the air; there is greter, shop',
    /^did you mean greter\? If not, is it running\?/,
  ],
  [
    'versions out of range',
    (shell) => [shell.announce({}), shell.announce({ id: other, version: '1.10.0' })],
    'no version is in the range ^2: 1.2.0, 1.10.0',
    'start a version in the range, or ask for one that is there: greeter@1.10.0',
  ],
  [
    'a prerelease',
    (shell) => shell.announce({ version: '2.0.0-beta.1' }),
    'no version is in the range ^2: 2.0.0-beta.1',
    /a prerelease is only in a range that names one$/,
  ],
  [
    'one that waits',
    (shell) =>
      shell.announce({
        version: '2.0.0',
        state: 'waiting',
        relies: [{ name: 'log', range: '^3' }],
      }),
    'greeter@2.0.0 (0123456789abcdef) is waiting for log@^3 (nothing named log is on the air)',
    'start what it waits for; see dservice tree',
  ],
  [
    'one that is stuck',
    (shell) => [
      shell.announce({ version: '2.0.0', state: 'stuck', relies: [{ name: 'b', range: '' }] }),
      shell.announce({
        id: other,
        name: 'b',
        state: 'waiting',
        relies: [{ name: 'greeter', range: '' }],
      }),
    ],
    'greeter@2.0.0 (0123456789abcdef) is stuck: these wait for each other: greeter@2.0.0 → b@1.2.0 → greeter',
    /^make one dependency of the circle optional/,
  ],
  [
    'one that leaves',
    (shell) => shell.announce({ version: '2.0.0', state: 'draining' }),
    'greeter@2.0.0 (0123456789abcdef) is draining: it finishes what runs, and leaves',
    'start another',
  ],
  [
    'one on the network',
    (shell) => shell.announce({ version: '2.0.0', endpoints: ['tcp://10.0.0.7:5004'] }),
    'tcp://10.0.0.7:5004 is out of the reach "local" of who calls',
    /^look with --reach lan/,
  ],
  [
    'one without an endpoint',
    (shell) => shell.announce({ version: '2.0.0', endpoints: [] }),
    '2.0.0 (0123456789abcdef) has no endpoint',
    /--rendezvous$/,
  ],
  [
    'an endpoint that is none',
    (shell) => shell.announce({ version: '2.0.0', endpoints: ['gopher://\u001b[2J'] }),
    'gopher://\\u001b[2J is out of the reach "local" of who calls',
    /reach/,
  ],
])('%s: 1, why, and what to do', async (_, prepare, why, advice) => {
  const shell = new Shell();
  prepare(shell);
  const told = await examined(shell, 'greeter@^2');
  expect(told.steps.at(-1)).toBe(`not  ${why}`);
  if (typeof advice === 'string') expect(told.advice).toBe(`${advice}\n`);
  else expect(told.advice.trimEnd()).toMatch(advice);
  expect(told.code).toBe(1);
});

test('nobody listens there any more', async () => {
  const shell = new Shell();
  shell.announce({ endpoints: [`tcp://127.0.0.1:${await freePort()}`] });
  const { code, steps, advice } = await examined(shell, 'greeter');
  expect(steps.at(-1)).toMatch(/^not {2}tcp:\S+: ERR_CONNECT: .*ECONNREFUSED/);
  expect(advice).toMatch(/^nobody listens there/);
  expect(code).toBe(1);
});

test('one that takes connections and says nothing', async () => {
  const server = createServer(() => {}).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  // What listens on a port has one.
  const { port } = server.address() as AddressInfo;
  const shell = new Shell();
  shell.announce({ endpoints: [`tcp://127.0.0.1:${port}`] });
  const { code, steps, advice } = await examined(shell, 'greeter');
  expect(steps.at(-1)).toMatch(/: ERR_TIMEOUT: /);
  expect(advice).toMatch(/^it is there and says nothing/);
  expect(code).toBe(1);
});

test('another service answers there', async () => {
  const shell = new Shell();
  const endpoint = await shell.serve('shop@1.0.0', {});
  shell.announce({ endpoints: [endpoint] });
  const { code, steps, advice } = await examined(shell, 'greeter');
  expect(steps.at(-1)).toMatch(
    /^not {2}\S+: shop@1\.0\.0 \([0-9a-f]{16}\) answers there, not greeter@1\.2\.0 \(0123456789abcdef\)$/,
  );
  expect(advice).toMatch(/^the announcement is old, or wrong/);
  expect(code).toBe(1);
});

test('one that asks for credentials', async () => {
  const shell = new Shell();
  await shell.serve('greeter@1.0.0', {}, { authenticate: (auth: unknown) => auth === 7 });
  const { code, steps, advice } = await examined(shell, 'greeter');
  expect(steps.at(-1)).toMatch(/: ERR_AUTH: /);
  expect(advice).toMatch(/--auth/);
  expect(code).toBe(1);
  const again = new Shell();
  await again.serve('greeter@1.0.0', {}, { authenticate: (auth: unknown) => auth === 7 });
  expect((await examined(again, 'greeter', '--auth', '7')).code).toBe(0);
});

test('reached at one endpoint and not at another: 0, and the rest is said', async () => {
  const shell = new Shell();
  await shell.serve('greeter@1.0.0', {});
  shell.announce({ endpoints: ['tcp://10.0.0.7:1'] });
  const { code, advice } = await examined(shell, 'greeter');
  expect(code).toBe(0);
  expect(advice).toMatch(/^greeter can be reached; for the rest: look with --reach lan/);
});

test('where multicast is not heard, that is why nothing is heard', async () => {
  const shell = new Shell();
  shell.deaf = new Error('the network is unreachable');
  const { code, head, advice } = await examined(shell, 'greeter');
  expect(head[1]).toBe('not  multicast is not heard on lo: the network is unreachable');
  expect(advice).toMatch(/^multicast is blocked here/);
  expect(code).toBe(1);
});

test('no interface', async () => {
  const shell = new Shell();
  shell.interfaces = [];
  const { advice } = await examined(shell, 'greeter');
  expect(advice).toMatch(/^bring a network interface up/);
  const lan = new Shell();
  const { head } = await examined(lan, 'greeter', '--reach', 'lan');
  expect(head[0]).toBe(
    'not  looks at the network: no interface has an IPv4 address but lo 127.0.0.1',
  );
});

test('a discovery that does not work', async () => {
  const shell = new Shell();
  shell.air.degrade(new DserviceError('ERR_DISCOVERY', 'there is no multicast'));
  const { head } = await examined(shell, 'greeter');
  expect(head[2]).toBe('not  memory: there is no multicast');
});

test('this machine hears what it multicasts', async () => {
  const net = realNet(await freePort());
  const [lo] = net.interfaces('local');
  expect(lo?.loopback).toBe(true);
  if (lo === undefined) return;
  expect(await net.multicast(lo)).toBeUndefined();
  // No interface has this address.
  expect(await net.multicast({ ...lo, v4: ['192.0.2.7'] })).toBeInstanceOf(Error);
});

test.each([
  [
    'greeter',
    ['shop', 'greter', 'greeter2', 'my.greeter', 'stock'],
    ['greeter2', 'greter', 'my.greeter'],
  ],
  ['a', ['b', 'bc', 'ab'], ['ab', 'b']],
  ['x'.repeat(63), [], []],
])('near %s', (name, names, near) => {
  expect(nearNames(name, names)).toEqual(near);
});
