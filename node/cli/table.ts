/** A cell: what it says, and how that is painted. */
export interface Cell {
  readonly text: string;
  readonly paint?: (text: string) => string;
  /** It stands at the right side of its column, as numbers do. */
  readonly right?: boolean;
}

const gap = '  ';

/** Lines of cells in columns as wide as their widest cell, two spaces apart. Nothing at a line's end. */
export function alignRows(rows: readonly (readonly Cell[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [i, { text }] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, text.length);
  }
  return rows.map((row) => {
    const last = row.findLastIndex(({ text }) => text !== '');
    const cells = row.slice(0, last + 1).map(({ text, paint = same, right = false }, i) => {
      const room = ' '.repeat((widths[i] ?? 0) - text.length);
      if (right) return room + paint(text) + (i === last ? '' : gap);
      return paint(text) + (i === last ? '' : room + gap);
    });
    return cells.join('');
  });
}

function same(text: string): string {
  return text;
}
