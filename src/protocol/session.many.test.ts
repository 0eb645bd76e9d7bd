import { expect, test } from 'vitest';
import type { Channel } from '../channel/channel.js';
import { memoryPair } from '../channel/memory.js';
import { defaultLimits } from '../limits.js';
import { settle } from '../testing/settle.js';
import { VirtualClock } from '../testing/virtual-clock.js';
import { syncScope } from './context.js';
import { Session } from './session.js';
import { noTables } from './session-handle.js';

/** Each is two, one a side. `npm run bench -- sessions` has ten times as many, with sockets: here they are to be quick. */
const count = 1_000;

test(`${count} pairs of sessions in one process answer a call each, and leave nothing`, async () => {
  const clock = new VirtualClock();
  const ends: unknown[] = [];
  const begin = (channel: Channel, api: object): Session => {
    const session = new Session({
      ...{ channel, clock, scope: syncScope(), limits: defaultLimits, api },
    });
    session.on('end', (error) => ends.push(error?.code));
    session.start();
    return session;
  };
  const api = { double: (n: number) => n * 2 };
  const pairs = Array.from({ length: count }, () => {
    const [near, far] = memoryPair({ clock });
    return [begin(near, {}), begin(far, api)] as const;
  });
  await settle();
  const answers = await Promise.all(
    pairs.map(([near], i) => (near.remote.double as (n: number) => Promise<number>)(i)),
  );
  expect(answers.every((it, i) => it === i * 2)).toBe(true);
  for (const [near] of pairs) near.close();
  await settle();
  expect(ends).toHaveLength(2 * count);
  expect(ends.every((code) => code === undefined)).toBe(true);
  for (const session of pairs.flat()) expect(session.tables).toEqual(noTables);
  // No timer goes on either.
  expect(clock.pending).toBe(0);
});
