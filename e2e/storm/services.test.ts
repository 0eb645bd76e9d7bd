import { expect, test } from 'vitest';
import { cannotMakeNetworks } from '../../scripts/netns.mjs';
import { accountOf } from './account.js';
import { judge } from './judge.js';
import { ServiceStorm, type ServiceSettings } from './services.js';

// `npm run chaos -- services` says these; without them, it is a short storm.
const { STORM_MINUTES, STORM_SEED } = process.env;
const long = STORM_MINUTES !== undefined;
const seed = Number(STORM_SEED ?? Math.floor(Math.random() * 2 ** 31));
const why = cannotMakeNetworks();

const brief: ServiceSettings = {
  ...{ seed, ms: 7_000, instances: 3, loops: 3 },
  ...{ pauses: [300, 1_000], lasts: [300, 2_000] },
  deadlines: { once: [500, 2_000], again: [10_000, 10_000] },
};
const thorough: ServiceSettings = {
  ...{ seed, ms: Number(STORM_MINUTES) * 60_000, instances: 5, loops: 4 },
  ...{ pauses: [1_000, 6_000], lasts: [500, 14_000] },
  deadlines: { once: [500, 6_000], again: [30_000, 30_000] },
  say: (line) => console.log(line),
};

test.skipIf(why !== undefined)(
  `services under a storm: what was promised is kept${why === undefined ? '' : `: ${why}`}`,
  { timeout: long ? 0 : 120_000 },
  async () => {
    const { history, places } = await ServiceStorm.run(long ? thorough : brief);
    const faults = judge(history, places);
    console.log(accountOf(`storm over services, seed ${seed}`, history, faults));
    expect(faults).toEqual([]);
    expect(history.calls.some(({ done }) => done)).toBe(true);
  },
);
