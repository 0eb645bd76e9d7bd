import { expect, test } from 'vitest';
import { type Child, type Ended, ownName, start } from '../child.js';
import { node, program } from '../run.js';
import {
  callerModule,
  callerScript,
  relyingScript,
  serviceModule,
  serviceScript,
} from './programs.js';

const hello: Ended = { code: 0, signal: null, out: 'HELLO\n', err: '' };

/** Runs a program beside the test, or until it ends by itself. */
async function runs(file: string, text: string): Promise<Child> {
  return start(process.execPath, [await program(file, text)]);
}

test.each([
  ['ESM', 'mjs', serviceModule, 'mjs', callerModule],
  ['CommonJS, callbacks', 'cjs', serviceScript, 'cjs', callerScript],
  ['a callback caller of a promise service', 'mjs', serviceModule, 'cjs', callerScript],
])('a service and a caller: %s', async (_, ending, service, callerEnding, caller) => {
  const name = ownName('greeter');
  // Who comes first waits for the other.
  const waiting = await runs(`${name}-b.${callerEnding}`, caller(name));
  await runs(`${name}-a.${ending}`, service(name));
  expect(await waiting.ended).toEqual(hello);
  expect(await (await runs(`${name}-c.${callerEnding}`, caller(name))).ended).toEqual(hello);
});

test('a promise caller of a callback service, which has no version', async () => {
  const name = ownName('greeter');
  await runs(`${name}-a.cjs`, serviceScript(name));
  const text = callerModule(name).replace('@^1', '');
  expect(await (await runs(`${name}-b.mjs`, text)).ended).toEqual(hello);
});

test('a service that relies on another reaches it from inside', async () => {
  const [name, other] = [ownName('welcome'), ownName('greeter')];
  await runs(`${name}.cjs`, relyingScript(name, other));
  const caller = await runs(
    `${name}-caller.mjs`,
    `import dservice from 'dservice';
     const remote = await dservice().connect('${name}');
     console.log(await remote.welcome('ada'));`,
  );
  await runs(`${other}.mjs`, serviceModule(other));
  expect(await caller.ended).toEqual({ ...hello, out: 'WELCOME ADA\n' });
});

test('a service ends when it is told to, by the signal that told it', async () => {
  const name = ownName('greeter');
  const service = await runs(`${name}-a.mjs`, serviceModule(name));
  await (
    await runs(`${name}-b.mjs`, callerModule(name))
  ).ended;
  service.kill('SIGTERM');
  expect(await service.ended).toMatchObject({ code: null, signal: 'SIGTERM', err: '' });
});

test('serve and dial', async () => {
  const result = await node(
    'serve-dial.mjs',
    `import { serve, dial } from 'dservice';
     const server = await serve({ shout: (s) => s.toUpperCase() }, { port: 0 });
     const remote = await dial(server.endpoints[0]);
     console.log(await remote.shout('hello'));
     remote[Symbol.dispose]();
     await server.close();`,
  );
  expect(result).toEqual({ code: 0, out: 'HELLO\n', err: '' });
});

test('a WebSocket reaches the same port', async () => {
  const result = await node(
    'serve-dial-ws.mjs',
    `import { serve, dial } from 'dservice';
     const server = await serve({ shout: (s) => s.toUpperCase() }, { port: 0 });
     const remote = await dial(server.endpoints[0].replace('tcp:', 'ws:'));
     console.log(await remote.shout('hello'));
     remote[Symbol.dispose]();
     await server.close();`,
  );
  expect(result).toEqual({ code: 0, out: 'HELLO\n', err: '' });
});

test('the drop-in', async () => {
  const text = `
    var server = dnode({ shout: function (s, cb) { cb(s.toUpperCase()); } });
    var listening = server.listen(0, '127.0.0.1', function () {
      var d = dnode.connect(listening.address().port, '127.0.0.1');
      d.on('remote', function (remote) {
        remote.shout('hello', function (loud) {
          console.log(loud);
          d.end();
          listening.close();
        });
      });
    });`;
  const module = await node('drop-in.mjs', `import dnode from 'dservice/dnode';${text}`);
  expect(module).toEqual({ code: 0, out: 'HELLO\n', err: '' });
  const script = await node('drop-in.cjs', `var dnode = require('dservice/dnode');${text}`);
  expect(script).toEqual({ code: 0, out: 'HELLO\n', err: '' });
});

test('nobody there: an error that says so, and the program ends', async () => {
  const name = ownName('nobody');
  const result = await node(
    `${name}.mjs`,
    `import dservice from 'dservice';
     await dservice({ wait: 100 }).connect('${name}').catch((error) => console.log(error.code));`,
  );
  expect(result).toEqual({ code: 0, out: 'ERR_NO_INSTANCE\n', err: '' });
});
