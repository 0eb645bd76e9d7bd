import { describe, test } from 'vitest';
import { channelSuite } from '../testing/channel-suite.js';
import { memoryPair } from './memory.js';

describe.each(['messages', 'bytes'] as const)('memory, %s', (framing) => {
  channelSuite({
    test,
    setup: async () => {
      const [a, b] = memoryPair({ framing });
      return { a, b, teardown: () => {} };
    },
  });
});
