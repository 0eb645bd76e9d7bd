import { describe, test } from 'vitest';
import type { Channel } from '../channel/channel.js';
import { systemClock } from '../clock.js';
import { Harbour, makeRecord } from '../rendezvous/fixtures/harbour.js';
import { channelSuite } from '../testing/channel-suite.js';
import { discoverySuite } from '../testing/discovery-suite.js';

describe('discovery', () => {
  discoverySuite({
    test,
    setup: () => {
      const harbour = new Harbour({ clock: systemClock });
      const discoveries = [1, 2, 3].map(() => harbour.discovery());
      const teardown = async () => {
        for (const discovery of discoveries) await discovery.close();
        await harbour.hub.close();
      };
      return Promise.resolve({ discoveries, teardown });
    },
  });
});

describe('relayed channels', () => {
  channelSuite({
    test,
    setup: async () => {
      const harbour = new Harbour({ clock: systemClock });
      const [here, there] = [harbour.discovery(), harbour.discovery()];
      const record = makeRecord('relayed');
      const accepted = new Promise<Channel>((resolve) => there.announce(record, resolve));
      await new Promise<void>((resolve) => here.browse('relayed', () => resolve()));
      const a = await here.connect(`relay:ws://hub.test/#${record.id}`, { timeout: 1_000 });
      const b = await accepted;
      const teardown = async () => {
        await Promise.all([here.close(), there.close()]);
        await harbour.hub.close();
      };
      return { a, b, teardown };
    },
  });
});

describe('channels of the program', () => {
  channelSuite({
    test,
    setup: async () => {
      const harbour = new Harbour({ clock: systemClock });
      const there = harbour.discovery();
      const record = makeRecord('relayed');
      const accepted = new Promise<Channel>((resolve) => there.announce(record, resolve));
      await new Promise<void>((resolve) => {
        harbour.hub.local().browse('relayed', (events) => events.length > 0 && resolve());
      });
      const a = await harbour.hub.connect(record.id);
      const b = await accepted;
      const teardown = async () => {
        await there.close();
        await harbour.hub.close();
      };
      return { a, b, teardown };
    },
  });
});
