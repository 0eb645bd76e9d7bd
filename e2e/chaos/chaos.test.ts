import { expect, test } from 'vitest';
import { accountOf } from './account.js';
import { check } from './checker.js';
import { lacking, type StoreName, storeNames } from './fields.js';
import { Hunter, type HuntSettings } from './hunter.js';

// `npm run chaos` says more; without it, this is a short hunt.
const { CHAOS_STORES, CHAOS_COMMANDS, CHAOS_KILLS, CHAOS_SEED } = process.env;
const long = CHAOS_COMMANDS !== undefined;
const stores = storeNames.filter((name) => CHAOS_STORES?.split(',').includes(name) ?? true);
// The choices are the same ones for a seed; when they meet what is done is not.
const seed = Number(CHAOS_SEED ?? Math.floor(Math.random() * 2 ** 31));

function settingsOf(store: StoreName): HuntSettings {
  return {
    store,
    seed,
    commands: Number(CHAOS_COMMANDS ?? 2_000),
    kills: Number(CHAOS_KILLS ?? 10),
    workers: long ? 4 : 3,
    concurrency: 24,
    timeout: long ? 1_000 : 600,
    grace: long ? 500 : 300,
    retries: 25,
    pauses: long ? [100, 1_000] : [100, 600],
    backlog: long ? 5_000 : 800,
    ...(process.env.CHAOS_SAY ? { say: (line: string) => console.log(`${store}: ${line}`) } : {}),
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
