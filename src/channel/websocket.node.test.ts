import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { describe, expect, test } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { channelSuite } from '../testing/channel-suite.js';
import { Recorder } from '../testing/recorder.js';
import { webSocketChannel } from './websocket.js';

describe('the standard WebSocket, by the class of ws', () => {
  const setup = async () => {
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
    await once(server, 'listening');
    // A server of `ws` that was given a port has an address of this kind.
    const { port } = server.address() as AddressInfo;
    const connecting = new WebSocket(`ws://127.0.0.1:${port}`);
    // One while it is connecting, the other when it is open.
    const a = webSocketChannel(connecting);
    const [accepted] = (await once(server, 'connection')) as [WebSocket];
    const b = webSocketChannel(accepted);
    const teardown = () => {
      for (const client of server.clients) client.terminate();
      server.close();
    };
    return { a, b, accepted, teardown };
  };
  channelSuite({ test, setup, supports: { holdBack: false } });

  test('an abnormal end is told with an error', async () => {
    const { a, b, accepted, teardown } = await setup();
    const [one, two] = [new Recorder(a), new Recorder(b)];
    accepted.terminate();
    await one.closed();
    await two.closed();
    expect(one.closes[0]?.message).toContain('1006');
    teardown();
  });

  test('a connection that fails is told with an error', async () => {
    const one = new Recorder(webSocketChannel(new WebSocket('ws://127.0.0.1:1')));
    one.channel.write('{"n":1}\n');
    await one.closed();
    expect(one.closes[0]).toBeInstanceOf(Error);
  });
});
