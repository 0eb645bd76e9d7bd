import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, inject, test } from 'vitest';
import { type Child, ownName, start } from '../child.js';
import { program } from '../run.js';

function dservice(...args: string[]): Child {
  return start(join(inject('installed'), 'node_modules/.bin/dservice'), args);
}

/** A service in a process of its own, under a name of its own. `more` is done before its start. */
async function serving(name: string, more = ''): Promise<Child> {
  const path = await program(
    `${name}.mjs`,
    `import dservice from 'dservice';
     const service = dservice('${name}@1.2.0', {
       shout: (text) => text.toUpperCase(),
       never: () => new Promise(() => {}),
       many: (count) => Array.from({ length: count }, (_, i) => 'line ' + i + '.'.repeat(100)),
     });
     ${more}
     await service.start();
     console.log('up');`,
  );
  const child = start(process.execPath, [path]);
  await child.says('up\n');
  return child;
}

test('--version is that of the package', async () => {
  const text = await readFile(
    join(inject('installed'), 'node_modules/dservice/package.json'),
    'utf8',
  );
  const { version } = JSON.parse(text) as { version: string };
  expect(await dservice('--version').ended).toMatchObject({
    code: 0,
    out: `${version}\n`,
    err: '',
  });
});

test('ls and call reach a service', async () => {
  const name = ownName('greeter');
  await serving(name);

  const listed = await dservice('ls', name, '--json').ended;
  expect(listed).toMatchObject({ code: 0, err: '' });
  expect(JSON.parse(listed.out)).toEqual([
    {
      ...{ name, version: '1.2.0', state: 'up', relies: [] },
      id: expect.stringMatching(/^[0-9a-f]{16}$/) as string,
      endpoints: [expect.stringMatching(/^tcp:\/\/127\.0\.0\.1:\d+$/) as string],
    },
  ]);
  const table = await dservice('ls', `${name}@^1`).ended;
  expect(table.out).toMatch(
    /^NAME +VERSION +STATE +INSTANCE +ENDPOINTS +RELIES ON\n\S+ +1\.2\.0 +up .*\n$/,
  );

  const called = await dservice('call', `${name}@^1`, 'shout', 'hello').ended;
  expect(called).toEqual({ code: 0, signal: null, out: 'HELLO\n', err: '' });
});

test('tree shows what a service relies on, also where that is more than it announces', async () => {
  const [name, stock] = [ownName('shop'), ownName('stock')];
  await serving(stock);
  const others = Array.from({ length: 50 }, (_, i) => `${stock}-${i}`);
  await serving(
    name,
    `for (const other of ${JSON.stringify([stock, ...others])}) service.rely(other, { optional: true });`,
  );
  const { code, out, err } = await dservice('tree', name).ended;
  expect({ code, err }).toEqual({ code: 0, err: '' });
  const [root, first, ...rest] = out.trim().split('\n');
  expect([root, first]).toEqual([`${name}@1.2.0`, `├── ${stock}@1.2.0 (optional)`]);
  expect(rest).toHaveLength(50);
});

test('exit codes: 1 for a call that fails, 2 for wrong usage', async () => {
  const name = ownName('greeter');
  await serving(name);
  const failed = await dservice('call', name, 'whisper').ended;
  expect(failed).toMatchObject({ code: 1, out: '' });
  expect(failed.err).toMatch(/^ERR_METHOD: .*\n$/);
  const nobody = await dservice('call', ownName('nobody'), 'x', '--wait', '100').ended;
  expect(nobody).toMatchObject({ code: 1, out: '' });
  expect(nobody.err).toMatch(/^ERR_NO_INSTANCE: .*\n$/);
  expect(await dservice('call').ended).toMatchObject({ code: 2, out: '' });
  expect(await dservice('nonsense').ended).toMatchObject({ code: 2, out: '' });
});

test('ls of what is not there ends with 0', async () => {
  const name = ownName('nobody');
  const { code, out, err } = await dservice('ls', name).ended;
  expect({ code, out }).toEqual({ code: 0, out: '' });
  expect(err).toContain(`Nothing of ${name} is on the air`);
});

test('ls --watch tells of what comes and goes, until Ctrl-C', async () => {
  const name = ownName('greeter');
  const watch = dservice('ls', '--watch', name);
  const json = dservice('ls', '--watch', '--json', name);
  const service = await serving(name);
  await watch.says(`+ ${name}@1.2.0`);
  await json.says('"type":"up"');
  service.kill('SIGTERM');
  expect(await service.ended).toMatchObject({ code: null, signal: 'SIGTERM' });
  await watch.says(`- ${name}@1.2.0`);
  await json.says('"type":"down"');
  for (const child of [watch, json]) {
    child.kill('SIGINT');
    // A shell makes 130 of it.
    expect(await child.ended).toMatchObject({ code: null, signal: 'SIGINT', err: '' });
  }
});

test('Ctrl-C ends a call', async () => {
  const name = ownName('greeter');
  await serving(name);
  const calling = dservice('call', name, 'never');
  const watching = dservice('ls', '--watch', name);
  await watching.says('+');
  calling.kill('SIGINT');
  expect(await calling.ended).toMatchObject({ signal: 'SIGINT', out: '', err: '' });
});

test('a reader that has enough is no error', async () => {
  const name = ownName('greeter');
  await serving(name);
  const calling = dservice('call', name, 'many', '20000');
  await calling.says('"line 0.');
  calling.hangUp();
  expect(await calling.ended).toMatchObject({ code: 0, err: '' });

  const watching = dservice('ls', '--watch', name);
  await watching.says('+');
  watching.hangUp();
  await serving(name);
  expect(await watching.ended).toMatchObject({ code: 0, err: '' });
});

test('output that cannot be written is a failure', async () => {
  const bin = join(inject('installed'), 'node_modules/.bin/dservice');
  const { code, err } = await start('sh', ['-c', `exec "${bin}" --version > /dev/full`]).ended;
  expect(code).toBe(1);
  expect(err).toMatch(/^ENOSPC: /);
});
