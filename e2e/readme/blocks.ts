import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { root } from '../../scripts/root.mjs';

/** A program of a page, as a reader copies it. */
export interface Block {
  /** The page and the line where it stands: `remotes-10.ts`. */
  readonly file: string;
  /** Each line of it is the line of the page. */
  readonly text: string;
}

const programs = /^```(?:js|ts)\n([\s\S]*?)^```$/gm;
const imports =
  /^import\s+(?:type\s+)?(?:(?<whole>\w+)\s*,?\s*)?(?:\*\s+as\s+(?<all>\w+)\s*)?(?:\{(?<some>[^}]*)\})?\s*from\s+(?<from>'[^']+');/gm;

/** All programs of README.md and of the pages in docs/. */
export async function blocksOfPages(): Promise<Block[]> {
  const docs = (await readdir(join(root, 'docs'))).filter((name) => name.endsWith('.md'));
  const pages = ['README.md', ...docs.map((name) => join('docs', name))];
  const texts = await Promise.all(pages.map((page) => readFile(join(root, page), 'utf8')));
  return pages.flatMap((page, i) =>
    blocksOf(/(\w[\w-]*)\.md$/.exec(page)?.[1] ?? '', texts[i] ?? ''),
  );
}

/** The programs of a page that run by themselves, and what their comments say that they print. */
export async function programsOf(page: string): Promise<{ text: string; prints: string }[]> {
  const all = await readFile(join(root, page), 'utf8');
  return [...all.matchAll(programs)].map(([, text = '']) => {
    const said = text.split('\n').filter((line) => line.includes('console.log'));
    const prints = said.map((line) => line.slice(line.lastIndexOf(' // ') + 4));
    return { text, prints: prints.join(' ') };
  });
}

/**
 * The programs of a page. What an earlier one imported need not be imported again; a line that names a file begins
 * another program.
 */
function blocksOf(page: string, text: string): Block[] {
  const blocks: Block[] = [];
  const known = new Map<string, string>();
  for (const { index, 1: code = '' } of text.matchAll(programs)) {
    let line = linesOf(text.slice(0, index)) + 1;
    for (const part of code.split(/^(?=\/\/ [\w/-]+\.m?[jt]s\b)/m)) {
      const own = namesOf(part);
      const before = [...known].filter(([name]) => !own.has(name)).map(([, each]) => each);
      for (const [name, each] of own) known.set(name, each);
      const head = `${before.join(' ')} export {};${'\n'.repeat(line)}`;
      blocks.push({ file: `${page}-${line + 1}.ts`, text: head + part.replaceAll('…', '___') });
      line += linesOf(part);
    }
  }
  return blocks.filter((block) => block.text.split('export {};')[1]?.trim() !== '');
}

const linesOf = (text: string): number => text.split('\n').length - 1;

/** The names that a program imports, each with a line that does so. */
function namesOf(part: string): Map<string, string> {
  const names = new Map<string, string>();
  for (const { groups = {} } of part.matchAll(imports)) {
    const { whole, all, some = '', from } = groups;
    if (whole !== undefined) names.set(whole, `import ${whole} from ${from};`);
    if (all !== undefined) names.set(all, `import * as ${all} from ${from};`);
    for (const each of some.split(',').map((name) => name.trim())) {
      if (each !== '') names.set(each.split(' ').at(-1) ?? '', `import { ${each} } from ${from};`);
    }
  }
  return names;
}
