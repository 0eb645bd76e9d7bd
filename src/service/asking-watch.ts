import { askRelies } from './ask-relies.js';
import { CycleWatch } from './cycle-watch.js';
import type { Watching, WatchOptions } from './cycle.js';
import { WholeRecords } from './whole-records.js';

/** A watch that asks instances what they rely on, where that is more than their records hold. */
export function askingWatch(options: WatchOptions): Watching {
  const ask = (record: Parameters<typeof askRelies>[0]) => askRelies(record, options.dialing);
  return new CycleWatch(options, (onWhole) => new WholeRecords({ ask, onWhole }));
}
