import { expect, test } from 'vitest';
import { method } from './method.js';
import { methodOptions } from './method-options.js';

test('a function says what it is, and stays what it was', () => {
  const read = (id: string): string => id;
  const marked = method({ idempotent: true, concurrency: 4, queue: 0, summary: 'reads' }, read);
  expect(marked).toBe(read);
  expect(marked('a')).toBe('a');
  expect(Object.keys(marked)).toEqual([]);
  expect(methodOptions(marked)).toMatchObject({ idempotent: true, concurrency: 4, queue: 0 });
  expect(methodOptions(() => {})).toBeUndefined();
});

test('what is no option of a method is refused, with what is', () => {
  const wrong = [
    { idempotent: 'yes' },
    { concurrency: 0 },
    { concurrency: 1.5 },
    { queue: -1 },
    { params: 'id' },
    { deadline: 5 },
  ];
  for (const options of wrong) {
    const mark = (): unknown => method(options as object, () => {});
    expect(mark).toThrow(expect.objectContaining({ code: 'ERR_OPTION' }));
  }
});
