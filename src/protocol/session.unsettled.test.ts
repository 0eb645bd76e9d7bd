import { expect, test } from 'vitest';
import { sessionPair } from '../testing/fixtures/peer.js';
import { options } from './options.js';

type Echo = { echo(value: unknown): Promise<unknown> };

const never = new Promise<unknown>(() => {});

async function pair() {
  const served: unknown[] = [];
  const api = {
    echo: (value: unknown) => {
      served.push(value);
      return value;
    },
  };
  const { a, clock } = await sessionPair({ b: { api } });
  return { a, clock, served, remote: a.remote as Echo };
}

test('an argument that never settles is waited for as long as the call may take', async () => {
  const { remote, clock, served } = await pair();
  const usual = remote.echo(never);
  const own = options(remote, { deadline: 500 }).echo([never]);
  await clock.advance(500);
  const late = { code: 'ERR_DEADLINE', method: 'echo', mayHaveRun: false };
  await expect(own).rejects.toMatchObject(late);
  await clock.advance(29_500);
  await expect(usual).rejects.toMatchObject(late);
  expect(served).toEqual([]);
});

test('what is late leaves the call what is left of its time', async () => {
  const { remote, clock } = await pair();
  let settle: (value: unknown) => void = () => {};
  const argument = new Promise<unknown>((resolve) => (settle = resolve));
  const call = options(remote, { deadline: 500 }).echo(argument);
  await clock.advance(400);
  settle([never]);
  await clock.advance(100);
  await expect(call).rejects.toMatchObject({ code: 'ERR_DEADLINE', mayHaveRun: false });
});

test('a signal ends the wait, and so does the end of the session', async () => {
  const { a, remote, served } = await pair();
  const stop = new AbortController();
  const call = options(remote, { signal: stop.signal }).echo(never);
  stop.abort(new Error('enough'));
  await expect(call).rejects.toMatchObject({
    ...{ code: 'ERR_CANCELLED', mayHaveRun: false },
    cause: new Error('enough'),
  });
  const other = remote.echo(never);
  a.close();
  await expect(other).rejects.toMatchObject({ code: 'ERR_CLOSED', mayHaveRun: false });
  expect(served).toEqual([]);
});

test('what is there in time is called with, and nothing of the wait is left', async () => {
  const { remote, clock, served } = await pair();
  const stop = new AbortController();
  const call = options(remote, { signal: stop.signal, deadline: 500 }).echo(
    Promise.resolve('here'),
  );
  expect(await call).toBe('here');
  stop.abort();
  await clock.advance(1_000);
  expect(served).toEqual(['here']);
});
