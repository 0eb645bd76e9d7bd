import { describe, test } from 'vitest';
import type { Channel } from '../../src/channel/channel.js';
import { defaultLimits } from '../../src/limits.js';
import { door } from '../../src/http/door.js';
import { channelSuite, type ChannelPair } from '../../src/testing/channel-suite.js';
import { nodeClock } from '../clock.js';
import { events } from '../index.js';
import { listen } from '../listen.js';
import { createExchanges } from '../listen/exchange.js';

/** A client and a server channel. */
async function pair(): Promise<ChannelPair> {
  let arrived: ((channel: Channel) => void) | undefined;
  const accepted = new Promise<Channel>((resolve) => (arrived = resolve));
  const shared = { clock: nodeClock, limits: defaultLimits };
  const enter = door({ ...shared, onChannel: (channel) => arrived?.(channel) });
  const request = createExchanges({ ...shared, answer: enter });
  const listener = await listen({ clock: nodeClock, request }, () => {});
  const a = events(`http://127.0.0.1:${listener.port}`);
  return { a, b: await accepted, teardown: () => listener.close() };
}

describe('events', () => {
  channelSuite({ test, setup: pair, supports: { binary: false } });
});
