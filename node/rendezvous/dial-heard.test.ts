import { expect, test } from 'vitest';
import { listening } from '../listen/testing/raw.js';
import { dialHeard } from './dial-heard.js';

const here = { address: '127.0.0.1:50000' };
const elsewhere = { address: '10.0.0.2:50000' };

test.each([
  ['one on another machine, to loopback', ['tcp://127.0.0.1:9'], elsewhere, 'lan'],
  ['one of whom nothing is known', ['ws://[::1]:9/x', 'tcp://localhost:9'], {}, 'lan'],
  ['one who looks like loopback', ['tcp://127.0.0.1:9'], { address: '127.0.0.1.nip.io:9' }, 'lan'],
] as const)('%s', async (_, endpoints, from, reach) => {
  await expect(dialHeard(endpoints, from, { reach })).rejects.toMatchObject({
    code: 'ERR_CONNECT',
    message: 'it is for its own machine only',
  });
});

test.each([
  ['a unix socket', ['unix:/tmp/a.sock'], 'lan'],
  ['the network, with local reach', ['tcp://10.0.0.1:9', 'wss://example.org/x'], 'local'],
  ['a way by another rendezvous', ['relay:ws://127.0.0.1:9/rendezvous#0123456789abcdef'], 'lan'],
  ['nothing', [], 'lan'],
] as const)('%s is not dialled', async (_, endpoints, reach) => {
  await expect(dialHeard(endpoints, here, { reach })).rejects.toMatchObject({
    code: 'ERR_CONNECT',
    message: 'it has no endpoint that takes a WebSocket',
  });
});

test('the first that answers, with the Origin of the client', async () => {
  const it = await listening();
  const from = { ...here, origin: 'http://localhost:5173' };
  const endpoints = ['tcp://127.0.0.1:1', `tcp://127.0.0.1:${it.port}`];
  const channel = await dialHeard(endpoints, from, { reach: 'local' });
  expect(it.channels[0]?.peer).toMatchObject({ transport: 'ws', origin: from.origin });
  channel.destroy();
  await it.close();
});

test('who is refused learns why', async () => {
  const it = await listening();
  const from = { ...here, origin: 'https://app.example.org' };
  await expect(
    dialHeard([`tcp://127.0.0.1:${it.port}`], from, { reach: 'local' }),
  ).rejects.toMatchObject({
    code: 'ERR_CONNECT',
    message: 'the service refuses pages of https://app.example.org: see its option `origins`',
  });
  await it.close();
});
