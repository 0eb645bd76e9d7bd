/** Of a list of figures, the one in the middle. */
export function median(figures) {
  const sorted = figures.toSorted((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

/** What a hundredth of the figures is above. */
export function percentile99(figures) {
  const sorted = figures.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * 0.99))];
}

/** The middle of the quotients of each round: what disturbed a round disturbed both. */
export function ratio(a, b) {
  return median(a.map((figure, i) => figure / b[i]));
}

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });

export const count = (figure) => whole.format(figure);
export const kilobytes = (bytes) => `${(bytes / 1000).toFixed(1)} kB`;
export const megabytes = (bytes) => `${(bytes / 1_000_000).toFixed(1)} MB`;
export const times = (figure) => (figure >= 10 ? figure.toFixed(1) : figure.toFixed(2));
