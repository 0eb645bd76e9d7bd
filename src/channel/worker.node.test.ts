import { Worker } from 'node:worker_threads';
import { buildSync } from 'esbuild';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { channelSuite } from '../testing/channel-suite.js';
import { Recorder } from '../testing/recorder.js';
import { messagePortChannel } from './message-port.js';

/** In the worker: each line goes back, `bye` and `throw` are done. */
const echo = (built: string): string => `
  ${built}
  const { parentPort } = require('node:worker_threads');
  const channel = messagePort.messagePortChannel(parentPort);
  channel.open({
    receive(data) {
      if (data === 'bye') channel.close();
      else if (data === 'throw') setImmediate(() => { throw new Error('on purpose'); });
      else if (data === 'exit') process.exit(0);
      else channel.write(data);
    },
    drain() {},
    close() {},
  });
`;

function start(): Worker {
  const built = buildSync({
    entryPoints: [fileURLToPath(new URL('message-port.ts', import.meta.url))],
    bundle: true,
    write: false,
    format: 'iife',
    globalName: 'messagePort',
  });
  return new Worker(echo(built.outputFiles[0]?.text ?? ''), { eval: true });
}

describe('worker_threads', () => {
  test('a Worker and its parentPort', async () => {
    const worker = start();
    const a = new Recorder(messagePortChannel(worker));
    const big = 'x'.repeat(200_000);
    for (let i = 0; i < 20; i += 1) a.channel.write(big);
    a.channel.write('{"n":1}');
    await a.until(() => a.lines.length === 21);
    expect(a.lines.at(-1)).toBe('{"n":1}');
    a.channel.write('bye');
    await a.closed();
    expect([a.closes, a.faults]).toEqual([[undefined], []]);
    await worker.terminate();
  });

  test('closing lets the worker end by itself', async () => {
    const worker = start();
    const exit = new Promise((resolve) => worker.once('exit', resolve));
    const a = new Recorder(messagePortChannel(worker));
    a.channel.write('{"n":1}');
    await a.until(() => a.lines.length === 1);
    a.channel.close();
    await a.closed();
    expect(await exit).toBe(0);
  });

  test('a worker that fails ends the channel with the error', async () => {
    const a = new Recorder(messagePortChannel(start()));
    a.channel.write('throw');
    await a.closed();
    expect(a.closes[0]?.message).toContain('on purpose');
  });

  test('a worker that exits ends the channel', async () => {
    const a = new Recorder(messagePortChannel(start()));
    a.channel.write('exit');
    await a.closed();
    expect(a.closes).toEqual([undefined]);
  });
});

describe('a MessagePort of worker_threads', () => {
  channelSuite({
    test,
    setup: async () => {
      const { MessageChannel } = await import('node:worker_threads');
      const { port1, port2 } = new MessageChannel();
      return { a: messagePortChannel(port1), b: messagePortChannel(port2), teardown: () => {} };
    },
  });
});
