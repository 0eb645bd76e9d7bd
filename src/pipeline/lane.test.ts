import { expect, test } from 'vitest';
import { later, setup } from './fixtures/setup.js';

test.each([
  [undefined, 35_000],
  ['500ms', 30_500],
] as const)('a lease lasts for the timeout and the grace: %s', async (grace, ms) => {
  const { clock, open } = setup();
  const p = open(grace === undefined ? {} : { grace });
  const end = later();
  p.step('charge', () => end.promise, { timeout: '30s' });
  await p.push('charge');
  await p.start();
  await clock.advance(0);
  const [letter] = await p.peek('charge', { state: 'working' });
  expect(letter?.at?.getTime()).toBe(clock.wall() + ms);
  end.resolve();
  await p.finished(letter?.id ?? '');
});

test.each([0, '0s', Infinity, 'soon'])('no grace: %s', (grace) => {
  const { open } = setup();
  expect(() => open({ grace })).toThrow(expect.objectContaining({ code: 'ERR_OPTION' }));
});

test('events of moves and ends tell the attempt', async () => {
  const { clock, open } = setup();
  const p = open();
  const seen: unknown[] = [];
  for (const name of ['moved', 'finished'] as const) {
    p.on(name, ({ queue, attempt }) => seen.push([name, queue, attempt]));
  }
  p.step(
    'charge',
    (_, step) => {
      if (step.attempt === 1) throw new Error('the line was dead');
      step.next('ship');
    },
    { backoff: () => 1 },
  );
  p.step('ship', () => {});
  const { id } = await p.push('charge');
  const ended = p.finished(id);
  await p.start();
  await clock.advance(10);
  await ended;
  expect(seen).toEqual([
    ['moved', 'charge', 2],
    ['finished', 'ship', 1],
  ]);
});
