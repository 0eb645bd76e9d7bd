import { expect, test } from 'vitest';
import { accountOf } from './account.js';
import { check } from './checker.js';
import { lacking, type StoreName, storeNames } from './fields.js';
import { Hunter, type HuntSettings } from './hunter.js';

// `npm run chaos` says these; without them, it is a short hunt.
const { CHAOS_STORES, CHAOS_COMMANDS, CHAOS_KILLS, CHAOS_SEED } = process.env;
const long = CHAOS_COMMANDS !== undefined;
const stores = storeNames.filter((name) => CHAOS_STORES?.split(',').includes(name) ?? true);
// The choices are the same ones for a seed; when they meet what is done is not.
const seed = Number(CHAOS_SEED ?? Math.floor(Math.random() * 2 ** 31));
// A page waits for the disk with every turn, and for a browser at first.
const few: Readonly<Record<StoreName, number>> = { lmdb: 2_000, redis: 1_500, indexeddb: 500 };

function settingsOf(store: StoreName): HuntSettings {
  const settings = { store, seed, concurrency: 32, retries: 25 };
  if (!long) {
    const times = { timeout: 600, grace: 300, pauses: [100, 600] as const };
    return { ...settings, ...times, commands: few[store], kills: 10, workers: 3, backlog: 500 };
  }
  return {
    ...settings,
    commands: Number(CHAOS_COMMANDS),
    kills: Number(CHAOS_KILLS),
    workers: 4,
    timeout: 1_000,
    grace: 500,
    pauses: [100, 1_000],
    backlog: 5_000,
    say: (line) => console.log(`${store}: ${line}`),
  };
}

const what = '%s: what was promised is kept while workers are killed';
// Another program may want the machine as well.
test.each(stores)(what, { timeout: long ? 0 : 120_000 }, async (store) => {
  expect(lacking(store)).toBeUndefined();
  const settings = settingsOf(store);
  const hunted = await Hunter.hunt(settings);
  const checked = check(hunted, settings);
  console.log(accountOf(settings, hunted, checked));
  expect(checked.faults).toEqual([]);
  expect(hunted.facts.filter(({ kind }) => kind === 'killed')).toHaveLength(settings.kills);
});
