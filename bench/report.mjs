import { tablesOf } from './tables.mjs';

/** Prints all tables as text. */
export function printReport(plan, results) {
  for (const { title, rows } of tablesOf(plan, results)) console.log(`\n${title}\n${textOf(rows)}`);
}

function textOf(rows) {
  const widths = rows[0].map((_, i) => Math.max(...rows.map((row) => row[i].length)));
  const line = (row) =>
    row.map((it, i) => (i === 0 ? it.padEnd(widths[i]) : it.padStart(widths[i]))).join('  ');
  return rows.map(line).join('\n');
}
