const units: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** Milliseconds, or text as `500ms`, `30s`, `5m`, `24h`, `7d`. */
export type Duration = number | string;

/** Milliseconds of a duration; undefined for what is none, or is negative. */
export function msOf(duration: unknown): number | undefined {
  if (typeof duration === 'number') return duration >= 0 ? duration : undefined;
  if (typeof duration !== 'string') return undefined;
  const [, number, unit] = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)$/.exec(duration.trim()) ?? [];
  return number === undefined ? undefined : Number(number) * (units[unit ?? ''] ?? 1);
}

/** The same, for what ends: stores keep moments, and none is at infinity. */
export function finiteMsOf(duration: unknown): number | undefined {
  const ms = msOf(duration);
  return ms === Infinity ? undefined : ms;
}
