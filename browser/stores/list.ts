import type { Listed, ListedCommand, Page, State } from '../../src/pipeline/store.js';
import type { Key } from './records.js';
import type { Work } from './work.js';

/** How many records are read at a time. */
const atOnce = 64;

/** A page of what is in a state. It goes on at a record, and so many of its commands before the end. */
export async function list(
  work: Work,
  queue: string | undefined,
  state: State,
  { limit, after }: Page,
): Promise<Listed> {
  const commands: ListedCommand[] = [];
  // What was handed out as `next`.
  const [from, rest] = (after === undefined ? [] : JSON.parse(after)) as [Key?, number?];
  const all = queue === undefined ? [...work.meta.queues.keys()] : [queue];
  const queues = state === 'dead' ? [''] : all.slice(from && all.indexOf(from[1]));
  for (const name of queues) {
    let start: Key = from?.[1] === name ? from : work.key(name, state);
    let open = false;
    for (;;) {
      const range = IDBKeyRange.bound(start, [...work.key(name, state), []], open);
      const found = await work.all(range, atOnce);
      for (const [key, kept] of found) {
        const skip = key.join() === from?.join() ? kept.commands.length - (rest ?? 0) : 0;
        for (const [i, command] of kept.commands.entries()) {
          if (i < skip || (state === 'dead' && command.queue !== (queue ?? command.queue))) continue; // prettier-ignore
          if (commands.length === limit) {
            return { commands, next: JSON.stringify([key, kept.commands.length - i]) };
          }
          const { ref, queue: own, key: held, body, tries, error, pushed } = command;
          const timed = state === 'working' || state === 'waiting' ? Number(key[3]) : undefined;
          const at = state === 'dead' ? kept.at : timed;
          commands.push({ ref, queue: own, key: held, body, tries, error, pushed, ...(at === undefined ? {} : { at }) }); // prettier-ignore
        }
        start = key;
        open = true;
      }
      if (found.length < atOnce) break;
    }
  }
  return { commands };
}
