import type { Pipeline } from '../../src/pipeline/pipeline.js';
import type { QueueCounts } from '../../src/pipeline/store.js';
import { ageText } from './age.js';
import type { Kept } from './kept.js';
import { harmless, type Paint } from './style.js';
import { alignRows, type Cell } from './table.js';

/** What is in a queue. */
export interface QueueRow extends QueueCounts {
  readonly queue: string;
  /** Commands that died there; undefined where there are too many dead ones to tell by queue. */
  readonly dead?: number | undefined;
}

/** What is in a pipeline. The keys are those of `--json`. */
export interface PipelineRows {
  readonly pipeline: string;
  readonly dead: number;
  /** By name. */
  readonly queues: readonly QueueRow[];
}

/** Dead letters that are looked at to tell in which queues they died. */
const mostDead = 1_000;

const empty = { input: 0, held: 0, working: 0, waiting: 0 };

/** What is in a pipeline now. `seen`: queues that are shown though nothing is in them. Rejects as stores do. */
async function rowsOf(pipeline: Pipeline, seen: readonly string[] = []): Promise<PipelineRows> {
  const { queues, dead } = await pipeline.counts();
  const letters = dead > 0 && dead <= mostDead ? await pipeline.dead({ limit: mostDead }) : [];
  const died = new Map<string, number>();
  for (const { queue } of letters) died.set(queue, (died.get(queue) ?? 0) + 1);
  const names = [...new Set([...Object.keys(queues), ...died.keys(), ...seen])].sort();
  return {
    pipeline: pipeline.name,
    dead,
    queues: names.map((queue) => ({
      queue,
      ...((Object.hasOwn(queues, queue) ? queues[queue] : undefined) ?? empty),
      ...(dead > mostDead ? {} : { dead: died.get(queue) ?? 0 }),
    })),
  };
}

/** All that is kept, and what is wrong with those that cannot be looked at. Rejects where nothing can. */
export async function allRows(
  kept: Kept,
  only: string | undefined,
  seen: ReadonlyMap<string, readonly string[]> = new Map(),
): Promise<{ all: PipelineRows[]; faults: unknown[] }> {
  const all: PipelineRows[] = [];
  const faults: unknown[] = [];
  for (const name of (await kept.names()) ?? []) {
    if (only !== undefined && name !== only) continue;
    try {
      const pipeline = await kept.get(name);
      if (pipeline !== undefined) all.push(await rowsOf(pipeline, seen.get(name)));
    } catch (error) {
      faults.push(error);
    }
  }
  return { all, faults };
}

const columns = ['PIPELINE', 'QUEUE', 'INPUT', 'HELD', 'WORKING', 'WAITING', 'DEAD', 'OLDEST'];
/** The columns of names; all others are numbers. */
const names = 2;

/** Queues in columns, under a line of headings. */
export function queueTable(all: readonly PipelineRows[], paint: Paint): string[] {
  const heads = columns.map((text, i): Cell => {
    return { text, paint: (it) => paint('bold', it), right: i >= names };
  });
  return alignRows([heads, ...all.flatMap((each) => cellsOf(each, paint))]);
}

function cellsOf({ pipeline, dead, queues }: PipelineRows, paint: Paint): Cell[][] {
  const rows = queues.map((row) => cells(pipeline, row.queue, row, paint));
  // Nothing is in it; or there is too much to tell where.
  if (rows.length === 0 || queues.some((row) => row.dead === undefined)) {
    rows.push(cells(pipeline, rows.length === 0 ? '-' : '(all)', { dead }, paint));
  }
  return rows;
}

function cells(pipeline: string, queue: string, row: Partial<QueueRow>, paint: Paint): Cell[] {
  const { input, held, working, waiting, dead, oldest } = row;
  const red = (text: string): string => (dead === 0 ? text : paint('red', text));
  return [
    { text: harmless(pipeline) },
    { text: harmless(queue) },
    ...[input, held, working, waiting].map((count) => ({ text: numberText(count), right: true })),
    { text: numberText(dead), right: true, paint: red },
    { text: oldest === undefined ? '-' : ageText(oldest), right: true },
  ];
}

function numberText(count: number | undefined): string {
  return count === undefined ? '-' : count.toLocaleString('en');
}

/** What is in a queue, in one line: `orders charge: input 12, working 3, dead 1, oldest 4.0 s`. */
export function queueLine(pipeline: string, row: QueueRow): string {
  const { queue, input, held, working, waiting, dead, oldest } = row;
  const counts = Object.entries({ input, held, working, waiting, dead })
    .filter(([, count]) => count !== undefined && count > 0)
    .map(([name, count]) => `${name} ${numberText(count)}`);
  if (oldest !== undefined) counts.push(`oldest ${ageText(oldest)}`);
  return harmless(`${pipeline} ${queue}: ${counts.join(', ') || 'empty'}`);
}
