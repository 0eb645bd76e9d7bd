import { describe, test } from 'vitest';
import { channelSuite } from '../testing/channel-suite.js';
import { webStreamsChannel } from './web-streams.js';

describe('web streams', () => {
  channelSuite({
    test,
    setup: async () => {
      const there = new TransformStream<Uint8Array, Uint8Array>();
      const back = new TransformStream<Uint8Array, Uint8Array>();
      return {
        a: webStreamsChannel({ readable: back.readable, writable: there.writable }),
        b: webStreamsChannel({ readable: there.readable, writable: back.writable }),
        teardown: () => {},
      };
    },
  });
});
