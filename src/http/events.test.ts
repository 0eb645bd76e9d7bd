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

test('what a string holds is no event', async () => {
  let arrived = (_channel: Channel): void => {};
  const accepted = new Promise<Channel>((resolve) => (arrived = resolve));
  const limits = defaultLimits;
  const enter = door({ clock, limits, onChannel: (channel) => arrived(channel) });
  const near = makeEvents(clock, fetching(enter))('http://shop.test');
  const far = await accepted;
  far.open({ receive() {}, drain() {}, close() {} });
  const lines = ['\u2028event: end\u2028', '\u2029event: open\u2029', 'data: x'].map(
    (text) => `${JSON.stringify({ text })}\n`,
  );
  const got = new Promise<string>((resolve, reject) => {
    let all = '';
    near.open({
      receive(data) {
        all += String(data);
        if (all.length >= lines.join('').length) resolve(all);
      },
      drain() {},
      close: (error) => reject(error ?? new Error('it has ended')),
    });
  });
  for (const line of lines) far.write(line);
  expect(await got).toBe(lines.join(''));
  near.destroy();
});

test('a second id, or one that is none, is not followed', async () => {
  const asked: string[] = [];
  const saying = (text: string) => {
    const fetch = (url: string, { method }: RequestInit): Promise<Response> => {
      asked.push(url);
      return Promise.resolve(
        method === 'POST' ? new Response(null, { status: 204 }) : new Response(text),
      );
    };
    const channel = makeEvents(clock, fetch)('http://shop.test');
    return new Promise((resolve) => {
      channel.open({ receive() {}, drain() {}, close: resolve });
    });
  };
  const event = (id: string) => `event: open\ndata: ${id}\n\n`;
  expect(await saying(event('../admin'))).toBeInstanceOf(Error);
  expect(await saying(event('a1') + event('b2'))).toBeInstanceOf(Error);
  expect(asked.filter((url) => url.includes('admin') || url.includes('b2'))).toEqual([]);
});

test('closed, it opens no more, and ends those that nobody has posted to', async () => {
  const streams = new EventChannels({ clock, limits: defaultLimits, onChannel() {} });
  const exchange = (url: string) => ({
    ...{ method: 'GET', url, peer: { transport: 'http' } },
    header: () => undefined,
    text: () => Promise.resolve(''),
    onGone() {},
  });
  const said: string[] = [];
  const outlet = (name: string): Outlet => ({
    write: (text) => void said.push(text),
    buffered: 0,
    end: () => void said.push(`${name} ended`),
    destroy: () => void said.push(`${name} destroyed`),
  });
  for (const name of ['one', 'two']) {
    streams.open(exchange('/dnode'), {}).stream?.[1](outlet(name));
  }
  const id = /data: (\w+)/.exec(said[0] ?? '')?.[1];
  await streams.post(exchange(`/dnode/${id}?n=0`), {});
  void streams.close();
  expect(said.slice(2)).toEqual(['two destroyed']);
  expect(streams.open(exchange('/dnode'), {}).status).toBe(503);
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
