import type { Blow, BlowSettings } from './blow.js';

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
export function said({ kind, target, other, ms, amount }: Blow, at: number): string {
  const where = other === undefined ? target : `${target} and ${other}`;
  const how = amount === undefined ? '' : `, ${amount < 1 ? amount.toFixed(2) : `${amount} ms`}`;
  return `${(at / 1_000).toFixed(1)} s: ${kind} ${where}, for ${ms} ms${how}`;
}
