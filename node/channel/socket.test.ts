import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'vitest';
import type { Channel } from '../../src/channel/channel.js';
import { systemClock, type Clock } from '../../src/clock.js';
import { channelSuite, type ChannelPair } from '../../src/testing/channel-suite.js';
import { connectChannel } from '../connect.js';
import { listen, type ListenOptions } from '../listen.js';
import { cert, key } from './fixtures/certificate.js';

/** Does not wait for the silence in which a listener expects a first byte: these tests begin with one. */
const eager: Clock = {
  ...systemClock,
  after: (ms, fn) => systemClock.after(ms === 500 ? 0 : ms, fn),
};

/** A client and a server channel, over a listener of their own. */
async function pair(
  options: Partial<ListenOptions>,
  endpoint: (port: number) => string,
): Promise<ChannelPair> {
  let arrived: ((channel: Channel) => void) | undefined;
  const accepted = new Promise<Channel>((resolve) => {
    arrived = resolve;
  });
  const listener = await listen({ clock: eager, ...options }, (channel) => arrived?.(channel));
  const a = await connectChannel(endpoint(listener.port ?? 0), { tls: { ca: cert } });
  const b = await accepted;
  return { a, b, teardown: () => listener.close() };
}

describe('tcp', () => {
  channelSuite({ test, setup: () => pair({}, (port) => `tcp://127.0.0.1:${port}`) });
});

describe('tls', () => {
  channelSuite({
    test,
    setup: () => pair({ tls: { cert, key } }, (port) => `tls://localhost:${port}`),
  });
});

describe('unix', () => {
  channelSuite({
    test,
    setup: async () => {
      const folder = await mkdtemp(join(tmpdir(), 'dservice-'));
      const path = join(folder, 's');
      const { a, b, teardown } = await pair({ path, port: false }, () => `unix:${path}`);
      return {
        a,
        b,
        async teardown() {
          await teardown();
          await rm(folder, { recursive: true });
        },
      };
    },
  });
});

describe('ws', () => {
  channelSuite({
    test,
    setup: () => pair({ clock: systemClock }, (port) => `ws://127.0.0.1:${port}/`),
  });
});

describe('wss', () => {
  channelSuite({
    test,
    setup: () =>
      pair({ clock: systemClock, tls: { cert, key } }, (port) => `wss://localhost:${port}/`),
  });
});
