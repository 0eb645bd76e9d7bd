import { setTimeout as after } from 'node:timers/promises';
import type { Blow, BlowSettings } from './blow.js';
import type { BlowFact } from './history.js';

export interface StormSettings extends BlowSettings {
  /** Calls that each caller has on their way at once, of each kind. */
  readonly loops: number;
  /** ms that calls may take, at least and at most. */
  readonly deadlines: Readonly<Record<'once' | 'again', readonly [number, number]>>;
  readonly say?: (line: string) => void;
}

/** ms since 1970, as callers and instances count them. */
export function now(): number {
  return performance.timeOrigin + performance.now();
}

/** A blow in words; `at`: ms since the beginning. */
function said({ kind, target, other, ms, amount }: Blow, at: number): string {
  const where = other === undefined ? target : `${target} and ${other}`;
  const how = amount === undefined ? '' : `, ${amount < 1 ? amount.toFixed(2) : `${amount} ms`}`;
  return `${(at / 1_000).toFixed(1)} s: ${kind} ${where}, for ${ms} ms${how}`;
}

/**
 * Strikes, each blow at its time, and tells what was done from when until when. Blows of one lane wait for each other:
 * what would begin after the time of all, since this machine has much else to do, is left out.
 */
export async function strikeAll(
  blows: readonly Blow[],
  { ms, say = () => {} }: StormSettings,
  laneOf: (blow: Blow) => string,
  strike: (blow: Blow) => Promise<void>,
): Promise<BlowFact[]> {
  const began = now();
  const lanes = new Map<string, Promise<void>>();
  const done: BlowFact[] = [];
  for (const blow of blows) {
    await after(Math.max(0, began + blow.at - now()));
    const lane = laneOf(blow);
    const before = lanes.get(lane);
    const struck = async (): Promise<void> => {
      await before;
      const from = now();
      if (from > began + ms) return;
      say(said(blow, from - began));
      await strike(blow);
      const { kind, target, other } = blow;
      done.push({ kind, target, ...(other === undefined ? {} : { other }), from, to: now() });
    };
    const striking = struck();
    // Told at the end, when nothing is under way any more.
    striking.catch(() => {});
    lanes.set(lane, striking);
  }
  await Promise.all(lanes.values());
  say(`the last blow is over after ${Math.round((now() - began) / 1_000)} s`);
  return done;
}
