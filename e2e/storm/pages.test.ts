import { expect, test } from 'vitest';
import { cannotMakeNetworks } from '../../scripts/netns.mjs';
import { accountOf } from './account.js';
import { judge } from './judge.js';
import { PageStorm } from './pages.js';
import type { StormSettings } from './storm.js';

// `npm run chaos -- pages` says these; without them, it is a short storm.
const { STORM_MINUTES, STORM_SEED } = process.env;
const long = STORM_MINUTES !== undefined;
const seed = Number(STORM_SEED ?? Math.floor(Math.random() * 2 ** 31));
const why = cannotMakeNetworks();

const brief: StormSettings = {
  ...{ seed, ms: 5_000, loops: 2 },
  ...{ pauses: [200, 800], lasts: [300, 800] },
  deadlines: { once: [500, 2_000], again: [10_000, 10_000] },
};
const thorough: StormSettings = {
  ...{ seed, ms: Number(STORM_MINUTES) * 60_000, loops: 3 },
  ...{ pauses: [2_000, 15_000], lasts: [500, 12_000] },
  deadlines: { once: [500, 6_000], again: [30_000, 30_000] },
  say: (line) => console.log(line),
};

test.skipIf(why !== undefined)(
  `pages under a storm: what was promised is kept${why === undefined ? '' : `: ${why}`}`,
  { timeout: long ? 0 : 120_000 },
  async () => {
    const { history, places } = await PageStorm.run(long ? thorough : brief);
    const faults = judge(history, places);
    console.log(accountOf(`storm over pages, seed ${seed}`, history, faults));
    expect(faults).toEqual([]);
    expect(history.calls.some(({ done }) => done)).toBe(true);
  },
);
