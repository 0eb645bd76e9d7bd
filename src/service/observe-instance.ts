import type { InstanceRecord } from '../discovery/record.js';
import { ofInstance } from './attributes.js';
import type { InstanceEvent, ObservedEvents } from './observer.js';
import type { Observers } from './observers.js';

/** Something is to be known of an instance. `more`: why it rests, and for how many ms. */
export function observeInstance(
  observers: Observers | undefined,
  name: keyof ObservedEvents & `instance:${string}`,
  record: InstanceRecord,
  more?: Pick<InstanceEvent, 'reason' | 'rest'>,
): void {
  if (observers?.wants(name) !== true) return;
  observers.tell(name, { record, attributes: ofInstance(record), ...more });
}
