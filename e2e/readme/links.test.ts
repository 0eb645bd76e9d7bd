import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { root } from '../../scripts/root.mjs';

/** The anchors of a page, as GitHub makes them of its headings. */
function anchorsOf(text: string): Set<string> {
  const headings = [...text.replaceAll(/^```[\s\S]*?^```$/gm, '').matchAll(/^#+ (.*)$/gm)];
  return new Set(
    headings.map(([, heading = '']) =>
      heading
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  );
}

test('every link from one page to another leads there', async () => {
  const within = ['docs', 'docs/decisions'].map(async (folder) =>
    (await readdir(join(root, folder))).map((name) => join(folder, name)),
  );
  const all = [
    'README.md',
    'CONTRIBUTING.md',
    'CHANGELOG.md',
    ...(await Promise.all(within)).flat(),
  ];
  const pages = new Map<string, string>();
  for (const page of all.filter((name) => name.endsWith('.md'))) {
    pages.set(page, await readFile(join(root, page), 'utf8'));
  }
  const dead: string[] = [];
  for (const [page, text] of pages) {
    for (const [, link = ''] of text
      .replaceAll(/`[^`\n]*`(?!\])/g, '')
      .matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^https?:/.test(link)) continue;
      const [path = '', anchor] = link.split('#');
      const to = path === '' ? page : join(dirname(page), path);
      const leads =
        existsSync(join(root, to)) &&
        (anchor === undefined || anchorsOf(pages.get(to) ?? '').has(anchor));
      if (!leads) dead.push(`${page}: ${link}`);
    }
  }
  expect(dead).toEqual([]);
});
