import { expect, test } from 'vitest';
import { Shell } from './fixtures/shell.js';

test.each([['--help'], ['-h'], ['help']])(
  '%s tells of the commands and exit codes',
  async (arg) => {
    const shell = new Shell();
    expect(await shell.run(arg)).toBe(0);
    expect(shell.out).toMatch(/^usage: dservice <command>/);
    expect(shell.out).toMatch(/\n {2}ls .*\n {2}call .*\n/);
    expect(shell.out).toContain('Exit codes: 0');
    expect(shell.err).toBe('');
  },
);

test.each([
  ['ls', 'help', 'ls'],
  ['ls', 'ls', '--help'],
  ['ls', 'ls', '--nonsense', '-h'],
  ['call', 'help', 'call'],
  ['call', 'call', 'greeter', 'shout', '--help'],
  ['rendezvous', 'help', 'rendezvous'],
  ['queues', 'help', 'queues'],
  ['tree', 'tree', '--help'],
  ['doctor', 'help', 'doctor'],
  ['queues', 'queues', 'dead', '--help'],
])('help of %s: %s %s', async (name, ...args) => {
  const shell = new Shell();
  expect(await shell.run(...args)).toBe(0);
  expect(shell.out).toContain(`usage: dservice ${name}`);
  expect(shell.out).toMatch(/--wait MS|--port N|--store URL/);
  expect(shell.out).toContain('Exit codes: ');
  expect(shell.out.split('\n').filter((line) => line.length > 100)).toEqual([]);
});

test.each([['--version'], ['-v']])('%s', async (arg) => {
  const shell = new Shell();
  expect(await shell.run(arg)).toBe(0);
  expect(shell.out).toBe('1.2.3\n');
});

test.each([
  [[], 'a command is missing'],
  [['sl'], 'there is no command "sl"'],
  [['--watch'], 'there is no option "--watch"'],
  [['help', 'sl'], 'there is no command "sl"'],
  [['ls', '--wach'], "Unknown option '--wach'"],
  [['ls', '--wait'], "Option '--wait <value>' argument missing"],
  [['ls', '--wait', 'soon'], '--wait takes a number of milliseconds, as --wait 2000, not "soon"'],
  [['ls', '--wait', '0'], 'not "0"'],
  [['ls', '--wait', '-5'], 'not "-5"'],
  [['ls', '--wait', ''], 'not ""'],
  [['ls', '--wait', '1e400'], 'not "1e400"'],
  [['ls', '--reach', 'moon'], '--reach is local or lan, not "moon"'],
  [['ls', 'a', 'b'], 'ls takes one name at most'],
  [['ls', 'Greeter'], 'ERR_NAME: "Greeter" is no name'],
  [['ls', 'greeter@one'], 'ERR_RANGE: "one" is no semver range'],
  [['tree', 'a', 'b'], 'tree takes one name at most'],
  [['tree', 'greeter@one'], 'ERR_RANGE: "one" is no semver range'],
  [['doctor'], 'doctor takes the name of one service'],
  [['doctor', 'a', 'b'], 'doctor takes the name of one service'],
  [['doctor', 'Greeter'], 'ERR_NAME: "Greeter" is no name'],
  [['doctor', 'a', '--rendezvous', 'nowhere'], "'nowhere' is no URL"],
  [['call'], 'call needs the name of a service'],
  [['call', 'greeter@one', 'shout'], 'ERR_RANGE'],
  [['call', 'greeter', 'shout', '--deadline', 'x'], '--deadline takes a number of milliseconds'],
  [
    ['call', 'greeter', 'add', '--', '--x', '12345678901234567890'],
    'more digits than a number keeps',
  ],
])('wrong usage: %j', async (args, message) => {
  const shell = new Shell();
  expect(await shell.run(...args)).toBe(2);
  expect(shell.out).toBe('');
  expect(shell.err).toMatch(/^dservice: /);
  expect(shell.err).toContain(message);
  expect(shell.err).toContain('usage: dservice');
});

test('behind --, what looks like an option is an argument', async () => {
  const shell = new Shell();
  await shell.serve('echo', { echo: (...args: unknown[]) => args });
  expect(await shell.run('call', 'echo', 'echo', '--json', '--', '--help', '--')).toBe(0);
  expect(shell.out).toBe('["--help","--"]\n');
});
