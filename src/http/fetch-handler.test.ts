import { expect, test } from 'vitest';
import type { Channel } from '../channel/channel.js';
import { defaultLimits } from '../limits.js';
import { settle } from '../testing/settle.js';
import { VirtualClock } from '../testing/virtual-clock.js';
import { fetchHandler } from './fetch-handler.js';

const headers = { 'content-type': 'application/json' };

/** A handler whose channels nobody serves. */
async function open(limits: object = {}) {
  const [clock, channels, handler] = [new VirtualClock(), [] as Channel[], fetchHandler()];
  const context = { clock, limits: { ...defaultLimits, ...limits }, logger: { warn() {} } };
  const listener = await handler.listenWith(context, (channel) => {
    channel.open({ receive() {}, drain() {}, close() {} });
    channels.push(channel);
  });
  const ask = (body: BodyInit, signal?: AbortSignal) => {
    // A body that is a stream is said to be sent before the answer is read.
    const init = { method: 'POST', headers, body, duplex: 'half', ...(signal && { signal }) };
    return handler(new Request('http://localhost/dnode', init));
  };
  return { clock, channels, ask, listener };
}

/** A body of which nothing more comes. */
const half = () =>
  new ReadableStream({
    start: (to) => to.enqueue(new TextEncoder().encode('{"method":"x","arguments":[],"reply":1}')),
  });

test('of a body that does not end in time nothing is run, also where it would do', async () => {
  const { clock, channels, ask } = await open();
  const asked = ask(half());
  await clock.advance(59_999);
  expect(channels).toEqual([]);
  await clock.advance(1);
  expect((await asked).status).toBe(400);
  await settle();
  expect(channels).toEqual([]);
});

test('bodies of all requests together have a bound, which those give back that are answered', async () => {
  const { clock, channels, ask } = await open({ buffered: 60 });
  const first = ask(half());
  const second = ask(half());
  expect((await second).status).toBe(503);
  await clock.advance(60_000);
  expect((await first).status).toBe(400);
  const third = ask('{"method":"x"}');
  await settle();
  channels[0]?.close();
  expect((await third).status).toBe(204);
});

test('who does not read its answer is left after a minute, and who reads it is not', async () => {
  const { clock, channels, ask } = await open();
  const [slow, quick] = [ask('{"method":"x"}'), ask('{"method":"x"}')];
  await settle();
  for (const channel of channels) channel.write(`${'x'.repeat(40_000)}\n`);
  const [stuck, read] = [await slow, (await quick).body?.getReader()];
  await clock.advance(59_000);
  expect((await read?.read())?.value).toHaveLength(40_001);
  await clock.advance(59_000);
  await expect(stuck.text()).rejects.toThrow();
  channels[1]?.write('y\n');
  await clock.advance(1);
  expect((await read?.read())?.value).toHaveLength(2);
});

test('who went away before its body was there is answered by nobody', async () => {
  const { channels, ask } = await open();
  const gone = new AbortController();
  const asked = ask('{"method":"x"}', gone.signal);
  gone.abort();
  expect((await asked).status).toBe(503);
  expect(channels).toEqual([]);
});
