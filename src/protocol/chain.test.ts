import { expect, test } from 'vitest';
import { peer } from '../testing/fixtures/peer.js';
import { arrive } from './chain.js';
import { contextOf, syncScope } from './context.js';
import { defaultLimits } from '../limits.js';
import { readMeta } from './meta.js';

const thrown = (fn: () => unknown): unknown => {
  try {
    return fn();
  } catch (error) {
    return error;
  }
};

test('each arrival is added; coming back is allowed so often, and no oftener', () => {
  expect(arrive(undefined, { name: 'a' }, 'm')).toEqual(['a']);
  expect(arrive(['a', 'b'], { name: 'c' }, 'm')).toEqual(['a', 'b', 'c']);
  let path = arrive(undefined, { name: 'a' }, 'm');
  for (let i = 0; i < 8; i++) path = arrive(path, { name: 'a' }, 'm');
  expect(thrown(() => arrive(path, { name: 'a' }, 'm'))).toMatchObject({
    code: 'ERR_CALL_CYCLE',
    mayHaveRun: false,
    service: 'a',
    method: 'm',
    message: 'a call came back to a more than 8 times: a → a',
  });
  expect(thrown(() => arrive(['a', 'b'], { name: 'a', maxVisits: 0 }, 'm'))).toMatchObject({
    message: 'a call came back to a more than 0 times: a → b → a',
  });
  expect(arrive(['b', 'a', 'b'], { name: 'a', maxVisits: 1 }, 'm')).toHaveLength(4);
});

test('the loop is told, not all that came before, and not without end', () => {
  const long = ['a', ...Array.from({ length: 500 }, (_, i) => `s${i}`)];
  const error = thrown(() => arrive(['x', ...long], { name: 'a', maxVisits: 0 }, 'm'));
  expect(error).toMatchObject({ message: expect.stringMatching(/a → s480 → .* → s499 → a$/) });
});

test('a path that lies is bounded', () => {
  const names = Array.from({ length: 50_000 }, (_, i) => `s${i}`);
  expect(readMeta({ path: names }, defaultLimits).path).toEqual(names.slice(-1_000));
  for (const path of [
    ['a', 1],
    [['a']],
    'a',
    {},
    ['a'.repeat(64)],
    ['a,b'],
    ['é'],
    [null],
    [undefined],
  ]) {
    expect(readMeta({ path }, defaultLimits).path).toBeUndefined();
  }
});

const service = { id: '0'.repeat(16), name: 'a', version: '1.0.0' };

test('a call that has come too often is not run; a function called back is no visit', async () => {
  const scope = syncScope();
  const seen: unknown[] = [];
  const look = (): void => void seen.push(contextOf(scope).passed);
  const them = await peer({
    ...{ scope, service, maxVisits: 1 },
    api: { look, give: () => ({ back: () => look() }), in: { deep: look } },
  });
  await them.call('look', [], { meta: { path: ['a', 'b'] } });
  await them.call(them.idOf('0', 'in', 'deep'), [], { meta: { path: ['b'] } });
  expect(seen.splice(0)).toEqual([
    ['a', 'b', 'a'],
    ['b', 'a'],
  ]);
  const twice = { meta: { path: ['a', 'b', 'a', 'c'] } };
  expect(await them.call('look', [], twice)).toMatchObject([
    { code: 'ERR_CALL_CYCLE', mayHaveRun: false, message: expect.stringContaining('a → c → a') },
  ]);
  expect(await them.refused(them.idOf('0', 'in', 'deep'), [], twice)).toBe('ERR_CALL_CYCLE');
  expect(seen).toEqual([]);
  await them.call('give');
  await them.call(them.idOf('1', 'back'), [], { meta: { path: ['a', 'b', 'a', 'c'] } });
  expect(seen).toEqual([['a', 'b', 'a', 'c']]);
  expect(them.session.tables.serving).toBe(0);
});

test('who has no name counts nothing, and hands on what came', async () => {
  const scope = syncScope();
  const seen: unknown[] = [];
  const api = { look: () => void seen.push(contextOf(scope).passed) };
  const them = await peer({ scope, api });
  await them.call('look');
  await them.call('look', [], { meta: { path: ['b', 'b'] } });
  expect(seen).toEqual([undefined, ['b', 'b']]);
});
