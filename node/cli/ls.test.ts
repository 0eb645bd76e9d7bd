import { expect, test } from 'vitest';
import { DserviceError } from '../../src/errors.js';
import { turns } from '../../src/testing/recorder.js';
import { method } from '../../src/protocol/method.js';
import { Shell, standard } from './fixtures/shell.js';

const second = '1111111111111111';
const third = '2222222222222222';

/** A network with three instances. */
function busy(shell = new Shell()): Shell {
  shell.announce({
    ...{ id: second, name: 'welcome', version: '2.0.0-beta.1', state: 'waiting', endpoints: [] },
    relies: [
      { name: 'greeter', range: '^1' },
      { name: 'log', range: '', optional: true },
    ],
  });
  shell.announce({ id: third, version: '1.10.0', degraded: true, partial: true });
  shell.announce({});
  return shell;
}

test('a table: aligned, in order of names and versions', async () => {
  const shell = busy();
  expect(await shell.listen('ls')).toBe(0);
  expect(shell.out).toBe(`\
NAME     VERSION       STATE        INSTANCE          ENDPOINTS             RELIES ON
greeter  1.2.0         up           0123456789abcdef  tcp://127.0.0.1:5004  -
greeter  1.10.0        up,degraded  2222222222222222  tcp://127.0.0.1:5004  (more)
welcome  2.0.0-beta.1  waiting      1111111111111111  -                     greeter@^1, log (optional)
`);
  expect(shell.err).toBe('');
  expect(shell.stopped).toBe(1);
});

test('--json: one array of records', async () => {
  const shell = busy();
  expect(await shell.listen('ls', '--json')).toBe(0);
  expect(shell.out.split('\n')).toHaveLength(2);
  const { id, name, version, endpoints } = standard;
  expect(JSON.parse(shell.out)).toEqual([
    { name, version, id, state: 'up', endpoints, relies: [] },
    {
      ...{ name, version: '1.10.0', id: third, state: 'up', endpoints, relies: [] },
      ...{ degraded: true, partial: true },
    },
    {
      ...{ name: 'welcome', version: '2.0.0-beta.1', id: second, state: 'waiting', endpoints: [] },
      relies: [
        { name: 'greeter', range: '^1' },
        { name: 'log', range: '', optional: true },
      ],
    },
  ]);
});

test.each([
  ['greeter', ['1.2.0', '1.10.0']],
  ['greeter@^1.5', ['1.10.0']],
  ['welcome', ['2.0.0-beta.1']],
  ['welcome@^2', []],
])('only %s', async (filter, versions) => {
  const shell = busy();
  expect(await shell.listen('ls', filter, '--json')).toBe(0);
  const found = JSON.parse(shell.out) as { version: string }[];
  expect(found.map(({ version }) => version)).toEqual(versions);
});

test('listens for as long as it says, and no longer', async () => {
  const shell = new Shell();
  let ended = false;
  void shell.run('ls', '--wait', '500').then(() => (ended = true));
  await shell.clock.advance(499);
  shell.announce({});
  await turns(3);
  expect(ended).toBe(false);
  await shell.clock.advance(1);
  await turns(3);
  expect(ended).toBe(true);
  expect(shell.out).toContain('greeter');
});

test('what leaves meanwhile is not listed', async () => {
  const shell = new Shell();
  const announcement = shell.announce({});
  const ended = shell.run('ls', '--json');
  await turns(3);
  await announcement.withdraw();
  await turns(3);
  await shell.clock.advance(1000);
  expect(await ended).toBe(0);
  expect(shell.out).toBe('[]\n');
});

test('nothing on the air: a hint, and 0', async () => {
  const shell = new Shell();
  expect(await shell.listen('ls')).toBe(0);
  expect(shell.out).toBe('');
  expect(shell.err).toContain('Nothing is on the air: no service said a word within 750 ms.');
  expect(shell.err).toContain('--reach lan');
});

test('nothing of a name: what there is instead', async () => {
  const shell = busy();
  expect(await shell.listen('ls', 'welcome@^2')).toBe(0);
  expect(shell.out).toBe('');
  expect(shell.err).toBe(
    'Nothing of welcome@^2 is on the air. There is: greeter@1.2.0, greeter@1.10.0, welcome@2.0.0-beta.1\n',
  );
});

test('a discovery that does not work is told, and fails where nothing is listed', async () => {
  const shell = new Shell();
  shell.air.degrade(new DserviceError('ERR_DISCOVERY', 'there is no multicast'));
  expect(await shell.listen('ls', '--json')).toBe(1);
  expect(shell.err).toBe('ERR_DISCOVERY: there is no multicast\n');
  expect(shell.out).toBe('[]\n');
  busy(shell);
  expect(await shell.listen('ls')).toBe(0);
  expect(shell.err).toBe('ERR_DISCOVERY: there is no multicast\n'.repeat(2));
});

test('--reach is handed on', async () => {
  const shell = new Shell();
  await shell.listen('ls');
  await shell.listen('ls', '--reach', 'lan');
  expect(shell.asked).toEqual([{}, { reach: 'lan' }]);
  expect(shell.err).toContain('within 1500 ms');
});

test('control characters from the network are shown, not obeyed', async () => {
  const shell = new Shell();
  shell.announce({
    endpoints: ['tcp://a:1/\u001b[2J'],
    relies: [{ name: 'x', range: '\u009b31m\n' }],
  });
  await shell.listen('ls');
  expect(shell.out).toContain('tcp://a:1/\\u001b[2J');
  expect(shell.out).toContain('x@\\u009b31m\\u000a');
});

test('colours, where they are wanted', async () => {
  const shell = busy(new Shell({ colors: true }));
  await shell.listen('ls', 'greeter@1.2.0');
  expect(shell.out).toContain('\u001b[1mNAME\u001b[0m');
  expect(shell.out).toContain('\u001b[32mup\u001b[0m');
});

test('--watch on a pipe: a line an event', async () => {
  const shell = new Shell();
  const announcement = shell.announce({});
  const ended = shell.run('ls', '--watch', 'greeter');
  await turns(3);
  expect(shell.taken()).toBe('+ greeter@1.2.0 0123456789abcdef up tcp://127.0.0.1:5004\n');
  announcement.update({ ...standard, state: 'draining', relies: [{ name: 'a', range: '1 ' }] });
  shell.announce({ id: second, name: 'other' });
  await turns(3);
  expect(shell.taken()).toBe(
    '~ greeter@1.2.0 0123456789abcdef draining tcp://127.0.0.1:5004 relies on a@1 \n',
  );
  await announcement.withdraw();
  await turns(3);
  expect(shell.taken()).toMatch(/^- greeter@1.2.0 .*\n$/);
  shell.air.degrade(new DserviceError('ERR_DISCOVERY', 'no more multicast'));
  shell.air.degrade(undefined);
  expect(shell.err).toBe('ERR_DISCOVERY: no more multicast\nDiscovery works again.\n');
  // It goes on for ever, and a day is not enough.
  await shell.clock.advance(86_400_000);
  shell.closed.abort();
  expect(await ended).toBe(0);
  expect(shell.clock.pending).toBe(0);
  expect(shell.stopped).toBe(1);
});

test('--watch --json: an object a line', async () => {
  const shell = new Shell({ terminal: true });
  const announcement = shell.announce({});
  const ended = shell.run('ls', '--watch', '--json', '--wait', '1000');
  await turns(3);
  await announcement.withdraw();
  await turns(3);
  const lines = shell.out.trimEnd().split('\n');
  const events = lines.map((line) => JSON.parse(line) as unknown);
  expect(events).toEqual([
    { type: 'up', record: standard },
    { type: 'down', record: standard },
  ]);
  await shell.clock.advance(1000);
  expect(await ended).toBe(0);
});

test('--watch on a terminal: a table, drawn anew', async () => {
  const shell = new Shell({ terminal: true, rows: 6 });
  shell.air.degrade(new DserviceError('ERR_DISCOVERY', 'there is no multicast'));
  const ended = shell.run('ls', '--watch');
  await turns(3);
  expect(shell.taken()).toContain('ERR_DISCOVERY: there is no multicast');
  shell.air.degrade(undefined);
  const announcement = shell.announce({});
  await turns(3);
  const frames = shell.taken().split('\u001b[H\u001b[2J');
  expect(frames.at(-1)?.split('\n')).toEqual([
    '1 instance on the air; Ctrl-C ends',
    '',
    'NAME     VERSION  STATE  INSTANCE          ENDPOINTS             RELIES ON',
    'greeter  1.2.0    up     0123456789abcdef  tcp://127.0.0.1:5004  -',
    '',
  ]);
  for (let i = 10; i < 20; i++) shell.announce({ id: `${i}00000000000000` });
  await turns(3);
  const [, frame = '', ...more] = shell.taken().split('\u001b[H\u001b[2J');
  // All ten at once, in one drawing.
  expect(more).toEqual([]);
  expect(frame.trimEnd().split('\n')).toHaveLength(5);
  expect(frame).toMatch(/\nand 10 more\n$/);
  await announcement.withdraw();
  await turns(3);
  expect(shell.taken()).toContain('10 instances on the air');
  expect(shell.err).toBe('');
  shell.closed.abort();
  expect(await ended).toBe(0);
});

test('--long: how each instance is, and its methods; or why it cannot be asked', async () => {
  const shell = new Shell();
  await shell.serve('greeter@1.2.0', {
    shout: method({ summary: 'In capitals.' }, (text: string) => text.toUpperCase()),
    admin: { max: Math.max },
  });
  shell.announce({ id: second, name: 'welcome', endpoints: [] });
  expect(await shell.listen('ls', '--long')).toBe(0);
  const id = /greeter .* ([0-9a-f]{16})/.exec(shell.out)?.[1] ?? '';
  expect(shell.out).toContain(`
greeter@1.2.0 ${id} up
  shout(text)  In capitals.
  admin.max

welcome@1.2.0 ${second} ERR_CONNECT: `);
  shell.taken();
  expect(await shell.listen('ls', 'greeter', '--long', '--json')).toBe(0);
  expect(JSON.parse(shell.out)).toMatchObject([
    {
      name: 'greeter',
      health: { status: 'up' },
      methods: [
        { name: 'shout', params: ['text'], summary: 'In capitals.' },
        { name: 'admin.max' },
      ],
    },
  ]);
  expect(await shell.run('ls', '--long', '--watch')).toBe(2);
});
