import { join } from 'node:path';
import { expect, inject, test } from 'vitest';
import { type Child, ownName, start } from '../child.js';
import { program } from '../run.js';

function dservice(...args: string[]): Child {
  return start(join(inject('installed'), 'node_modules/.bin/dservice'), args);
}

async function rendezvous(...args: string[]): Promise<{ child: Child; url: string }> {
  const child = dservice('rendezvous', '--port', '0', ...args);
  return { child, url: await child.says(/ws:\/\/127\.0\.0\.1:\d+\/rendezvous/) };
}

test('what is announced at a rendezvous is listed and called by it', async () => {
  const { url } = await rendezvous();
  const name = ownName('greeter');
  const path = await program(
    `${name}.mjs`,
    `import dservice from 'dservice';
     const service = dservice('${name}@1.2.0', { shout: (text) => text.toUpperCase() }, { rendezvous: '${url}' });
     await service.start();
     console.log('up');`,
  );
  await start(process.execPath, [path]).says('up\n');
  const listed = await dservice('ls', name, '--rendezvous', url).ended;
  expect(listed).toMatchObject({ code: 0, err: '' });
  expect(listed.out).toMatch(/tcp:\/\/127\.0\.0\.1:\d+ relay:ws:\/\/127\.0\.0\.1:\d+\/rendezvous /);
  const called = await dservice('call', name, 'shout', 'hello', '--rendezvous', url).ended;
  expect(called).toMatchObject({ code: 0, out: 'HELLO\n', err: '' });
});

test.each(['SIGTERM', 'SIGINT'] as const)('%s ends it, as that signal does', async (signal) => {
  const { child } = await rendezvous('--mdns');
  child.kill(signal);
  expect(await child.ended).toMatchObject({ code: null, signal, err: '' });
});

test('with a client, a signal ends it once that has gone', async () => {
  const { child, url } = await rendezvous();
  const watching = dservice('ls', '--watch', '--rendezvous', url);
  const health = url.replace('ws:', 'http:');
  const clients = async (): Promise<unknown> =>
    ((await (await fetch(health)).json()) as { clients: unknown }).clients;
  while ((await clients()) !== 1) await new Promise((resolve) => setTimeout(resolve, 20));
  child.kill('SIGTERM');
  expect(await child.ended).toMatchObject({ signal: 'SIGTERM', err: '' });
  watching.kill('SIGTERM');
});
