import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { turns } from '../../src/testing/recorder.js';
import { cert, key } from '../channel/fixtures/certificate.js';
import { knock, until } from '../rendezvous/fixtures/meeting.js';
import { Shell, standard } from './fixtures/shell.js';

let shell: Shell;
beforeEach(() => void (shell = new Shell()));

/** Runs until it listens. */
async function running(
  ...args: string[]
): Promise<{ ended: Promise<number>; stop(): Promise<void> }> {
  const ended = shell.run('rendezvous', '--port', '0', ...args);
  await until(() => shell.running.length > 0);
  await turns(5);
  return { ended, stop: () => shell.running[0]?.stop() ?? Promise.resolve() };
}

test('says in one line where it listens, and runs until it is stopped', async () => {
  const { ended, stop } = await running();
  expect(shell.out).toMatch(/^rendezvous at ws:\/\/127\.0\.0\.1:\d+\/rendezvous\n$/);
  expect(await knock(shell.running[0]?.url ?? '')).toBe('open');
  await stop();
  expect(await ended).toBe(0);
  expect(shell.err).toBe('');
});

test('--quiet, and what the options say', async () => {
  const { ended, stop } = await running(
    ...['--quiet', '--mdns', '--host', '127.0.0.1', '--reach', 'local'],
    ...['--origin', 'https://a.example', '--origin', 'https://b.example'],
    ...['--allow-host', 'a.example', '--allow-host', 'b.example'],
  );
  expect(shell.out).toBe('');
  expect(shell.opened[0]).toMatchObject({
    ...{ port: 0, mdns: true, host: '127.0.0.1', reach: 'local' },
    origins: ['https://a.example', 'https://b.example'],
    hosts: ['a.example', 'b.example'],
  });
  expect(await knock(shell.running[0]?.url ?? '', { Origin: 'http://localhost' })).toBe(403);
  expect(shell.err).toMatch(
    /^dservice: the rendezvous refused a page .*--origin http:\/\/localhost/,
  );
  await stop();
  await ended;
});

test('its port is 4004', async () => {
  const taken = createServer().listen(4004, '127.0.0.1');
  // Whoever has it already serves as well.
  await Promise.race([once(taken, 'listening'), once(taken, 'error')]);
  onTestFinished(() => void taken.close());
  expect(await shell.run('rendezvous')).toBe(1);
  expect(shell.err).toBe('ERR_LISTEN: cannot listen on 127.0.0.1:4004: it is in use\n');
});

test('TLS by files', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'dservice-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const files = { cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem') };
  writeFileSync(files.cert, cert);
  writeFileSync(files.key, key);
  const { ended, stop } = await running('--tls-cert', files.cert, '--tls-key', files.key);
  expect(shell.out).toMatch(/^rendezvous at wss:/);
  await stop();
  await ended;
});

test('a certificate that cannot be read', async () => {
  const args = ['--tls-cert', '/nowhere/cert.pem', '--tls-key', '/nowhere/key.pem'];
  expect(await shell.run('rendezvous', ...args)).toBe(1);
  expect(shell.err).toMatch(/^ENOENT: .*\/nowhere\/cert\.pem'\n$/);
});

test.each([
  [['--origin', 'example.org'], "ERR_OPTION: origins: 'example.org' is no origin"],
  [['--allow-host', 'app.example:80'], "ERR_OPTION: hosts: 'app.example:80' is no name of a host"],
  [['--port', '70000'], '--port takes a port, 0 to 65535, not "70000"'],
  [['--port', '-1'], 'not "-1"'],
  [['--port', ''], 'not ""'],
  [['--reach', 'moon'], '--reach is local or lan'],
  [['--tls-cert', 'x'], '--tls-cert and --tls-key go together'],
  [['extra'], 'rendezvous takes options only'],
])('wrong usage: %j', async (args, message) => {
  expect(await shell.run('rendezvous', '--port', '0', ...args)).toBe(2);
  expect(shell.err).toMatch(/^dservice: /);
  expect(shell.err.split('\n')[0]).toContain(message);
  expect(shell.out).toBe('');
});

test.each(['ls', 'call'])('%s --rendezvous', async (command) => {
  const urls = ['ws://127.0.0.1:1', 'https://example.org/meet'];
  const args = [
    command,
    'greeter',
    '--wait',
    '10',
    ...urls.flatMap((url) => ['--rendezvous', url]),
  ];
  await shell.listen(...args);
  expect(shell.asked[0]).toMatchObject({
    rendezvous: ['ws://127.0.0.1:1/rendezvous', 'wss://example.org/meet'],
  });
  expect(await shell.run(command, 'greeter', '--rendezvous', 'nonsense')).toBe(2);
  expect(shell.err).toContain("'nonsense' is no URL of one");
});

test('ls shows how an instance is reached by a rendezvous, its id once', async () => {
  const { id } = standard;
  const relay = `relay:ws://127.0.0.1:4004/rendezvous#${id}`;
  shell.announce({ endpoints: ['tcp://127.0.0.1:1', relay] });
  await shell.listen('ls');
  expect(shell.taken()).toContain(
    `${id}  tcp://127.0.0.1:1 relay:ws://127.0.0.1:4004/rendezvous  -\n`,
  );
  await shell.listen('ls', '--watch', '--wait', '10');
  expect(shell.taken()).toContain('up tcp://127.0.0.1:1 relay:ws://127.0.0.1:4004/rendezvous\n');
  await shell.listen('ls', '--json');
  expect(JSON.parse(shell.taken())).toMatchObject([{ endpoints: ['tcp://127.0.0.1:1', relay] }]);
});
