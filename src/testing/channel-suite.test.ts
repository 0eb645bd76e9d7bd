import { expect, test } from 'vitest';
import type { Channel, ChannelHandlers } from '../channel/channel.js';
import { memoryPair } from '../channel/memory.js';
import { channelSuite } from './channel-suite.js';
import { turns } from './recorder.js';

/** Runs the suite over pairs of which both sides are changed, and says which test fails first. */
async function failure(change: (channel: Channel) => Channel): Promise<string | undefined> {
  const tests: [string, () => Promise<void>][] = [];
  channelSuite({
    test: (name, fn) => void tests.push([name, fn]),
    setup: async () => {
      const [a, b] = memoryPair();
      return { a: change(a), b: change(b), teardown: () => {} };
    },
  });
  for (const [name, fn] of tests) {
    const waits = turns(150).then(() => {
      throw new Error('it waits for ever');
    });
    waits.catch(() => {});
    const passed = await Promise.race([fn(), waits]).then(
      () => true,
      () => false,
    );
    if (!passed) return name;
  }
  return undefined;
}

/** The channel, with some of its members replaced, and its handlers changed. */
function but(
  channel: Channel,
  members: Partial<Channel>,
  handlers: (owner: ChannelHandlers) => Partial<ChannelHandlers> = () => ({}),
): Channel {
  const changed: Channel = {
    framing: channel.framing,
    peer: channel.peer,
    binary: channel.binary === true,
    get buffered() {
      return channel.buffered;
    },
    open: (owner) =>
      channel.open({
        receive: (data) => owner.receive(data),
        drain: () => owner.drain(),
        close: (error) => owner.close(error),
        ...handlers(owner),
      }),
    write: (data, bytes) => channel.write(data, bytes),
    pause: () => channel.pause(),
    resume: () => channel.resume(),
    close: () => channel.close(),
    destroy: (error) => channel.destroy(error),
  };
  return Object.assign(changed, members);
}

test('a channel as it should be passes', async () => {
  expect(await failure((channel) => but(channel, {}))).toBeUndefined();
});

test.each<[string, (channel: Channel) => Channel]>([
  [
    'never says that it is full',
    (it) => but(it, { write: (...given) => it.write(...given) || true }),
  ],
  ['never says that it has room', (it) => but(it, {}, () => ({ drain() {} }))],
  ['ignores pause', (it) => but(it, { pause() {} })],
  [
    'changes the bytes that it is given',
    (it) =>
      but(it, {
        write(data, bytes = []) {
          const goesOn = it.write(data, bytes);
          for (const piece of bytes) piece.fill(0);
          return goesOn;
        },
      }),
  ],
  [
    'takes one attachment alone',
    (it) => but(it, { write: (data, bytes) => it.write(data, bytes?.slice(0, 1)) }),
  ],
  ['does not resume', (it) => but(it, { resume() {} })],
  ['drops what is not written yet', (it) => but(it, { close: () => it.destroy() })],
  ['keeps an error to itself', (it) => but(it, { destroy: () => it.destroy() })],
  ['does not tell its end', (it) => but(it, {}, () => ({ close() {} }))],
  [
    'tells its end twice',
    (it) =>
      but(it, {}, (owner) => ({
        close(error) {
          owner.close(error);
          owner.close(error);
        },
      })),
  ],
  [
    'tells its end at once',
    (it) => {
      let owner: ChannelHandlers | undefined;
      return but(
        it,
        {
          close() {
            it.close();
            owner?.close();
          },
        },
        (given) => {
          owner = given;
          return { close() {} };
        },
      );
    },
  ],
  [
    'delivers after its end',
    (it) =>
      but(it, {}, (owner) => ({
        close(error) {
          owner.close(error);
          owner.receive('{}');
        },
      })),
  ],
  [
    'throws after its end',
    (it) => {
      let over = false;
      return but(it, {
        write: (data) => {
          if (over) throw new Error('it is over');
          return it.write(data);
        },
        close() {
          over = true;
          it.close();
        },
      });
    },
  ],
  [
    'loses a line',
    (it) => {
      let count = 0;
      return but(it, { write: (data) => ((count += 1) === 10 ? true : it.write(data)) });
    },
  ],
  [
    'changes the order',
    (it) => {
      let held = '';
      return but(it, {
        write(data) {
          if (held === '' && data.includes('{"n":3}\n')) {
            held = data;
            return true;
          }
          const room = it.write(data);
          if (held) it.write(held);
          held = '';
          return room;
        },
      });
    },
  ],
  [
    'cuts characters',
    (it) => but(it, { write: (data) => it.write(data.replaceAll('😀', '\ufffd')) }),
  ],
  ['is never empty', (it) => Object.defineProperty(but(it, {}), 'buffered', { value: 1 })],
])(
  'a channel that %s does not pass',
  async (_, change) => {
    expect(await failure(change)).toBeDefined();
  },
  60_000,
);
