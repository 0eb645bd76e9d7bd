/** Of a list of figures, the one in the middle. */
export function median(figures) {
  const sorted = figures.toSorted((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });

/** The rates as a table of text, and ours against the others. */
export function printTable({ subjects, works }, rates) {
  const rows = [['calls per second', ...works]];
  for (const { name, label } of subjects) {
    rows.push([label, ...works.map((it) => whole.format(median(rates[name][it])))]);
  }
  for (const [ours, peer] of ratios(subjects)) {
    rows.push([
      `${ours.name} ÷ ${peer.name}`,
      ...works.map((it) =>
        median(quotients(rates[ours.name][it], rates[peer.name][it])).toFixed(2),
      ),
    ]);
  }
  const widths = rows[0].map((_, i) => Math.max(...rows.map((row) => row[i].length)));
  for (const row of rows) {
    console.log(
      row.map((it, i) => (i === 0 ? it.padEnd(widths[i]) : it.padStart(widths[i]))).join('  '),
    );
  }
}

/** Ours with each peer that it is measured against: those on its path. */
function ratios(subjects) {
  const ours = subjects.filter(({ name }) => name.startsWith('ours-'));
  return ours.flatMap((it) =>
    subjects
      .filter((peer) => peer.path === it.path && !peer.name.startsWith('ours-'))
      .map((peer) => [it, peer]),
  );
}

/** Round by round, so that what disturbed a round disturbs both. */
function quotients(a, b) {
  return a.map((figure, i) => figure / b[i]);
}
