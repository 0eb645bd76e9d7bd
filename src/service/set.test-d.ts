import { test } from 'vitest';
import { Exposed } from '../protocol/exposed.js';
import type { Remote } from './remote.js';
import { set } from './set.js';

class Counter extends Exposed.with('value', 'label') {
  value = 0;
  label: string | undefined;
  increment(): number {
    return 1;
  }
}
declare const counter: Remote<Counter>;
declare const api: Remote<{ counter(): Counter }>;

test('what may be set', () => {
  void set(counter, 'value', 5);
  void set(counter, 'label', undefined);
  void set(api.counter(), 'value', 5);
  // @ts-expect-error Text is no number.
  void set(counter, 'value', 'x');
  // @ts-expect-error A method is not written over.
  void set(counter, 'increment', () => 1);
  // @ts-expect-error There is no such property.
  void set(counter, 'nothing', 1);
  // @ts-expect-error As above, of what is to come.
  void set(api.counter(), 'nothing', 1);
});
