import { describe, expect, test } from 'vitest';
import { channelSuite } from '../testing/channel-suite.js';
import { Recorder, turns } from '../testing/recorder.js';
import { messagePortChannel } from './message-port.js';

describe('MessagePort', () => {
  channelSuite({
    test,
    setup: async () => {
      const { port1, port2 } = new MessageChannel();
      return { a: messagePortChannel(port1), b: messagePortChannel(port2), teardown: () => {} };
    },
  });

  test('messages of others are ignored', async () => {
    const { port1, port2 } = new MessageChannel();
    const b = new Recorder(messagePortChannel(port2));
    for (const foreign of [null, 7, {}, { dservice: null }, { dservice: 'x' }, [1], true]) {
      port1.postMessage(foreign);
    }
    port1.postMessage({ dservice: 1e9 });
    port1.postMessage('{"n":1}\n');
    await b.until(() => b.lines.length === 1);
    await turns(5);
    expect([b.lines, b.closes, b.faults]).toEqual([['{"n":1}'], [], []]);
    expect(b.channel.buffered).toBe(0);
    b.channel.destroy();
    port1.close();
  });

  test('who is not read and goes on posting is cut off', async () => {
    const { port1, port2 } = new MessageChannel();
    const b = new Recorder(messagePortChannel(port2));
    b.channel.pause();
    const piece = 'x'.repeat(1024 * 1024);
    for (let at = 0; at < 66; at++) {
      port1.postMessage(piece);
      await turns(1);
    }
    await b.closed();
    expect(b.closes).toMatchObject([{ code: 'ERR_LIMIT' }]);
    expect(b.lines).toEqual([]);
    port1.close();
  });
});
