const units = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
] as const;

/** A time as people read it: `0.3 s`, `12 s`, `4 min`, `3 h`, `12 d`. */
export function ageText(ms: number): string {
  for (const [unit, length] of units) if (ms >= length) return `${Math.floor(ms / length)} ${unit}`;
  const s = Math.max(0, ms) / 1000;
  return `${s < 9.95 ? s.toFixed(1) : Math.floor(s)} s`;
}

/** A moment, seen from another: `3 min ago`, `in 4.0 s`. */
export function momentText(moment: Date, now: number): string {
  const ms = moment.getTime() - now;
  return ms > 0 ? `in ${ageText(ms)}` : `${ageText(-ms)} ago`;
}
