import { readFile, writeFile } from 'node:fs/promises';
import { cpus, totalmem, type } from 'node:os';
import { goalsTitle, tablesOf } from './tables.mjs';

const file = new URL('../docs/benchmarks.md', import.meta.url);

/** Writes docs/benchmarks.md: all of it, or the tables of what was measured in place of those that stand there. */
export async function writeDocument(plan, results) {
  const tables = tablesOf(plan, results);
  if (plan.whole) {
    await writeFile(file, [head(plan), ...tables.map(sectionOf)].join('\n'));
    return;
  }
  const [top, ...sections] = (await readFile(file, 'utf8')).split(/\n(?=## )/);
  for (const table of tables) {
    const at = sections.findIndex((section) => section.startsWith(`## ${table.title}\n`));
    const goals = sections.findIndex((section) => section.startsWith(`## ${goalsTitle}\n`));
    if (at === -1) sections.splice(goals, 0, sectionOf(table));
    else if (at === goals) sections[at] = withRows(sections[at], table.rows);
    else sections[at] = sectionOf(table);
  }
  await writeFile(file, [top, ...sections].join('\n'));
}

function sectionOf({ title, note, rows }) {
  return `## ${title}\n\n${note === undefined ? '' : `${note}\n\n`}${markdownOf(rows)}\n`;
}

/** The rows of a table that are new, in place of those that begin alike, or below them all. */
function withRows(section, [, ...rows]) {
  const lines = section.trimEnd().split('\n');
  for (const row of rows) {
    const at = lines.findIndex((line) => line.startsWith(`| ${row[0]} |`));
    lines.splice(at === -1 ? lines.length : at, at === -1 ? 0 : 1, lineOf(row));
  }
  return `${lines.join('\n')}\n`;
}

function head({ rounds, ms, warmUp, sessions, setups }) {
  const [{ model }] = cpus();
  const machine = `${cpus().length} cores (${model.trim()}), ${Math.round(totalmem() / 2 ** 30)} GB, ${type()}`;
  return `# Benchmarks

Written by \`npm run bench\`: do not edit. Measured on a machine with ${machine}, Node ${process.versions.node}. Absolute figures differ from machine to machine; the ratios are what to look at.

**How it is measured.** Server and client are processes of their own on one machine, over loopback; for MessagePort they are two threads. All subjects run in one go: after ${warmUp} ms of warming up each, ${rounds} rounds, in each of them every subject does every piece of work for ${ms} ms on a new connection, and each round begins with another subject. A figure is the median of the rounds; a ratio is the median of the ratios within each round, so that what else the machine does weighs on both. CPU time is what both processes used, by the operating system's count: it depends less on what else the machine does.

**The work.** A function takes a string of five letters and returns it in upper case: one call at a time; 64 in flight; 5,000 at once (500 for dnode), again and again. And an object of 10 KB of JSON that comes back, 16 in flight. Every caller awaits a promise for each call. The first answers of each connection are checked.

**What it is measured against.** The bare channels are the limit of the path: JSON with a number for each call, and nothing else — no errors, deadlines, back-pressure, limits or callbacks. Over TCP and unix sockets they gather what one turn of the event loop sends into one write; over WebSocket and MessagePort they send one message per call, as one would by hand. The distance to them is what a protocol costs. Where a ratio is above 1, ours sends in better pieces than that: the calls of one turn in one message, but no message that lets the other side wait for more than about 8 KiB.

The idle sessions are ${sessions} at once, the connection times ${setups} one after the other. What pages and a rendezvous do is measured in the same run; above each of those tables stands how.
`;
}

function markdownOf([heads, ...rows]) {
  const rule = heads.map((_, i) => (i === 0 ? '---' : '---:'));
  return [heads, rule, ...rows].map(lineOf).join('\n');
}

function lineOf(cells) {
  return `| ${cells.join(' | ')} |`;
}
