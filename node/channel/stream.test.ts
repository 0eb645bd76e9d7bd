import { Duplex, PassThrough } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { channelSuite } from '../../src/testing/channel-suite.js';
import { Recorder } from '../../src/testing/recorder.js';
import { streamChannel } from './stream.js';

describe('a pair of Node streams', () => {
  channelSuite({
    test,
    setup: async () => {
      const [there, back] = [new PassThrough(), new PassThrough()];
      return {
        a: streamChannel({ readable: back, writable: there }),
        b: streamChannel({ readable: there, writable: back }),
        teardown: () => {},
      };
    },
  });
});

describe('a Duplex', () => {
  channelSuite({
    test,
    setup: async () => {
      const [there, back] = [new PassThrough(), new PassThrough()];
      return {
        a: streamChannel(Duplex.from({ readable: back, writable: there })),
        b: streamChannel(Duplex.from({ readable: there, writable: back })),
        teardown: () => {},
      };
    },
  });

  test('an error of the stream ends the channel with it', async () => {
    const stream = new PassThrough();
    const recorder = new Recorder(streamChannel(stream));
    const error = new Error('torn');
    stream.destroy(error);
    await recorder.closed();
    expect(recorder.closes).toEqual([error]);
  });

  test('a stream destroyed by somebody else ends the channel', async () => {
    const stream = new PassThrough();
    const recorder = new Recorder(streamChannel(stream));
    stream.destroy();
    await recorder.closed();
    expect(recorder.closes).toEqual([undefined]);
  });
});
