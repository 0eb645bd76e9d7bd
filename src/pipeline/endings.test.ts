import { expect, test, vi } from 'vitest';
import { setup } from './fixtures/setup.js';

test('it resolves when the command has ended, and not before', async () => {
  const { clock, open } = setup();
  const p = open();
  p.step('a', (_, step) => step.next('b', 0, { delay: '1m' }));
  p.step('b', () => {});
  await p.start();
  await p.push('a', 0, { id: 'x' });
  const ended = vi.fn();
  void p.finished('x').then(ended);
  await clock.advance(59_999);
  expect(ended).not.toHaveBeenCalled();
  await clock.advance(8_000);
  expect(ended.mock.calls).toEqual([[{ id: 'x', state: 'finished', children: [] }]]);
});

test('who asks twice, and who asks late, is told the same', async () => {
  const { clock, open } = setup();
  const p = open();
  p.step('a', (_, step) => {
    step.next('b');
    step.next('b');
  });
  await p.start();
  await p.push('a', 0, { id: 'x' });
  const ending = { id: 'x', state: 'finished', children: ['x/1', 'x/2'] };
  expect(await Promise.all([p.finished('x'), p.finished('x')])).toEqual([ending, ending]);
  await clock.advance(1_000);
  expect(await p.finished('x')).toEqual(ending);
});

test.each([
  ['finished', undefined],
  ['dead', { message: 'no', code: 'E_NO' }],
])('what another one works on: %s', async (state, error) => {
  const { clock, open } = setup();
  const [p, other] = [open(), open()];
  other.step('a', (_, step) => {
    if (state === 'dead') step.fail(Object.assign(new Error('no'), { code: 'E_NO' }));
  });
  await p.push('a', 0, { id: 'x', key: 'k' });
  const ended = vi.fn();
  void p.finished('x', { key: 'k' }).then(ended);
  await clock.advance(1_000);
  expect(ended).not.toHaveBeenCalled();
  await other.start();
  await clock.advance(0);
  expect(ended.mock.calls[0]?.[0]).toMatchObject({ id: 'x', state, ...(error && { error }) });
});

test.each([false, true])('what is pushed in the same tick (store open: %s)', async (opened) => {
  const { clock, open } = setup();
  const p = open();
  p.step('a', () => {});
  if (opened) await p.start();
  const before = p.finished('x');
  void p.push('a', 0, { id: 'x' });
  const after = p.finished('x');
  await p.start();
  await clock.advance(0);
  expect(await before).toMatchObject({ state: 'finished' });
  expect(await after).toMatchObject({ state: 'finished' });
});

test('what is not known is forgotten; so are ids that we made, and keys that are not said', async () => {
  const { clock, open } = setup();
  const p = open();
  p.step('a', () => {});
  await p.start();
  expect(await p.finished('x')).toEqual({ id: 'x', state: 'forgotten', children: [] });
  const { id } = await p.push('a');
  await clock.advance(1_000);
  expect(await p.finished(id)).toMatchObject({ state: 'forgotten' });
  await p.push('b', 0, { id: 'y', key: 'k' });
  expect(await p.finished('y')).toMatchObject({ state: 'forgotten' });
});

test('an id that we made is told as long as it is on its way here', async () => {
  const { clock, open } = setup();
  const p = open();
  p.step('a', (_, step) => {
    if (step.id !== first) return;
    step.next('b');
    step.next('b');
  });
  const { id: first } = await p.push('a');
  const ending = p.finished(first);
  await p.start();
  await clock.advance(0);
  expect(await ending).toEqual({
    id: first,
    state: 'finished',
    children: [`${first}/1`, `${first}/2`],
  });
});

test('who waits when it stops is told so, whatever is under way', async () => {
  const { clock, faulty, open } = setup();
  const p = open();
  await p.push('a', 0, { id: 'x' });
  const refused = () =>
    expect(p.finished('x')).rejects.toMatchObject({ code: expect.stringMatching(/^ERR_CLOSED$/) });
  const first = refused();
  await clock.advance(1_000);
  await Promise.all([first, p.stop()]);
  expect(clock.pending).toBe(0);
  const second = refused();
  await Promise.all([second, p.stop()]);
  expect(clock.pending).toBe(0);
  faulty.away = true;
  const third = refused();
  await clock.advance(1_000);
  await Promise.all([third, p.stop()]);
  expect(clock.pending).toBe(0);
});

test('a store that is away is waited for', async () => {
  const { clock, faulty, open } = setup();
  const p = open();
  p.step('a', () => {});
  await p.start();
  await p.push('a', 0, { id: 'x' });
  await clock.advance(0);
  faulty.away = true;
  const ended = vi.fn();
  void p.finished('x').then(ended);
  await clock.advance(120_000);
  expect(ended).not.toHaveBeenCalled();
  faulty.away = false;
  await clock.advance(6_000);
  expect(ended).toHaveBeenCalled();
});

test('who is not woken looks now and then', async () => {
  const { clock, factory, open } = setup();
  const deaf = {
    ...factory,
    open: async (...args: Parameters<typeof factory.open>) => {
      const store = await factory.open(...args);
      store.watch = () => () => {};
      return store;
    },
  };
  const [p, other] = [open({ store: deaf }), open()];
  other.step('a', () => {});
  await p.push('a', 0, { id: 'x' });
  const ended = vi.fn();
  void p.finished('x').then(ended);
  await clock.advance(1_000);
  await other.start();
  await clock.advance(60_000);
  expect(ended).toHaveBeenCalled();
});

test('what dies a second time is told a second time', async () => {
  const { open } = setup();
  const p = open();
  p.step('a', (_, step) => step.fail(new Error('no')));
  await p.start();
  await p.push('a', 0, { id: 'x' });
  expect(await p.finished('x')).toMatchObject({ state: 'dead' });
  const dead: number[] = [];
  p.on('dead', ({ attempt }) => dead.push(attempt));
  await p.redrive();
  expect(await p.finished('x')).toMatchObject({ state: 'dead' });
  expect(dead).toEqual([1]);
});
