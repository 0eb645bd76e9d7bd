import { describe, expect, test } from 'vitest';
import type { Channel } from '../channel/channel.js';
import { systemClock } from '../clock.js';
import { defaultLimits } from '../limits.js';
import type { Outlet } from '../service/engine.js';
import { channelSuite } from '../testing/channel-suite.js';
import { VirtualClock } from '../testing/virtual-clock.js';
import { door } from './door.js';
import { EventChannels } from './event-channels.js';
import { makeEvents } from './events.js';
import { fetching } from './fixtures/fetching.js';

const clock = systemClock;

describe('events, without a network', () => {
  channelSuite({
    test,
    supports: { binary: false },
    async setup() {
      let arrived = (_channel: Channel): void => {};
      const accepted = new Promise<Channel>((resolve) => (arrived = resolve));
      const limits = defaultLimits;
      const enter = door({ clock, limits, onChannel: (channel) => arrived(channel) });
      const a = makeEvents(clock, fetching(enter))('http://shop.test');
      return { a, b: await accepted, teardown() {} };
    },
  });
});

test('a stream that is quiet says something now and then, and one that nobody posts to ends', async () => {
  const time = new VirtualClock();
  const channels: Channel[] = [];
  const streams = new EventChannels({
    clock: time,
    limits: defaultLimits,
    onChannel: (channel) => void channels.push(channel),
  });
  const exchange = (url: string) => ({
    ...{ method: 'GET', url, peer: { transport: 'http' } },
    header: () => undefined,
    text: () => Promise.resolve(''),
    onGone() {},
  });
  const open = () => {
    const said: string[] = [];
    const outlet: Outlet = {
      write: (text) => void said.push(text),
      buffered: 0,
      end: () => void said.push('ended'),
      destroy: () => void said.push('destroyed'),
    };
    streams.open(exchange('/dnode'), {}).stream?.[1](outlet);
    return said;
  };
  const [one, other] = [open(), open()];
  const id = /data: (\w+)/.exec(one[0] ?? '')?.[1];
  const taken = await streams.post(exchange(`/dnode/${id}?n=0`), {});
  expect(taken?.status).toBe(204);
  expect(channels).toHaveLength(1);
  await time.advance(31_000);
  expect(one.slice(1)).toEqual([':\n\n', ':\n\n']);
  expect(other.slice(1)).toEqual(['destroyed']);
});
