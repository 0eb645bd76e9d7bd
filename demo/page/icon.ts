const svg = 'http://www.w3.org/2000/svg';

/** Circles as [x, y, radius], and a line, in a box of 24 by 16. */
const shapes = {
  self: { dots: [[12, 8, 4]], line: '' },
  direct: {
    dots: [
      [4, 8, 3],
      [20, 8, 3],
    ],
    line: 'M7 8h10',
  },
  relay: {
    dots: [
      [4, 12, 3],
      [20, 12, 3],
      [12, 4, 2],
    ],
    line: 'M6 10l4.500-4.500M18 10l-4.500-4.500',
  },
  none: {
    dots: [
      [4, 8, 3],
      [20, 8, 3],
    ],
    line: 'M9 8h1.500M13.500 8h1.500',
  },
} as const;

export type Icon = keyof typeof shapes;

/** Beside a text that says the same: it is hidden from those who hear the page. */
export function icon(name: Icon): SVGElement {
  const { dots, line } = shapes[name];
  const root = draw('svg', { viewBox: '0 0 24 16', class: 'icon', 'aria-hidden': 'true' });
  if (line !== '') root.append(draw('path', { d: line }));
  for (const [cx, cy, r] of dots) root.append(draw('circle', { cx, cy, r }));
  return root;
}

/** The last round trips as a line. */
export function sparkline(values: readonly number[], most: number): SVGElement {
  const [width, height] = [120, 28];
  const top = Math.max(...values, 0.001);
  const points = values.map((value, at) => {
    const x = 2 + at * ((width - 6) / (most - 1));
    return `${x.toFixed(1)},${(height - 2 - (value / top) * (height - 6)).toFixed(1)}`;
  });
  const root = draw('svg', {
    ...{ viewBox: `0 0 ${width} ${height}`, class: 'sparkline', 'aria-hidden': 'true' },
  });
  if (points.length > 1) root.append(draw('polyline', { points: points.join(' ') }));
  const [x, y] = points.at(-1)?.split(',') ?? [];
  if (x !== undefined && y !== undefined) {
    root.append(draw('circle', { cx: x, cy: y, r: 2.5 }));
  }
  return root;
}

function draw(tag: string, attributes: Readonly<Record<string, string | number>>): SVGElement {
  const element = document.createElementNS(svg, tag);
  for (const [name, value] of Object.entries(attributes)) {
    element.setAttribute(name, String(value));
  }
  return element;
}
