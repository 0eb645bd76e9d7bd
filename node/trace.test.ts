import { expect, it } from 'vitest';
import { options } from '../src/protocol/options.js';
import { context } from './index.js';
import { meetingPlace } from './fixtures/local.js';

type Callback = (value: number) => unknown;

it('a trace passes through services and callbacks that know nothing of it', async () => {
  const { start } = await meetingPlace();
  const seen: Record<string, unknown> = {};
  const look = (where: string): void => {
    const { traceparent, tracestate, path } = context().meta;
    seen[where] = { traceparent, tracestate, path };
  };
  await start('c', {
    async last(x: number, cb: Callback) {
      await Promise.resolve();
      look('c');
      await cb(x + 1);
    },
  });
  const b = await start('b', {
    async middle(x: number, cb: Callback) {
      look('b');
      const c = await b.connect('c');
      await c.last(x, async (y: number) => {
        look('callback of b');
        await cb(y + 1);
      });
    },
  });
  const a = await start('a', {});
  const remote = await a.connect('b');
  const trace = {
    traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    tracestate: 'vendor=1',
  };
  await options(remote, trace).middle(1, () => look('callback of a'));
  expect(seen).toEqual({
    b: { ...trace, path: undefined },
    c: { ...trace, path: ['b'] },
    // Called back from within the chain, and no further stop of it.
    'callback of b': { ...trace, path: ['b', 'c'] },
    'callback of a': { ...trace, path: ['b', 'c'] },
  });
});

it('a trace that is malformed is left out, on both sides', async () => {
  const { start, caller } = await meetingPlace();
  await start('s', { look: () => context().meta });
  const remote = await caller().connect('s');
  const parent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
  expect(await options(remote, { traceparent: 'x', tracestate: 'a=1' }).look()).toEqual({});
  expect(await options(remote, { traceparent: parent, tracestate: 'A=1' }).look()).toEqual({
    traceparent: parent,
  });
});
