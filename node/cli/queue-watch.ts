import type { Kept } from './kept.js';
import { faultText } from './fault.js';
import { allRows, type PipelineRows, queueLine, queueTable } from './queue-rows.js';
import { harmless, painter } from './style.js';
import type { World } from './world.js';

/** Milliseconds between looks: a store tells that something happened, but not how often to draw it. */
const every = 1_000;

/** Shows what is in queues, again and again. */
export interface QueueView {
  /** `note`: what is to be known beside it, in a line: why there is nothing, or what is wrong. */
  show(all: readonly PipelineRows[], note: string | undefined): void;
  /** The store cannot be asked. */
  trouble(error: unknown): void;
}

/** Looks once a second, until nobody reads the output any more. */
export async function watchQueues(
  kept: Kept,
  only: string | undefined,
  view: QueueView,
  world: World,
): Promise<void> {
  const seen = new Map<string, string[]>();
  while (!world.output.closed.aborted) {
    try {
      const { all, faults } = await allRows(kept, only, seen);
      // What has become empty stays: numbers that come and go are hard to read.
      for (const { pipeline, queues } of all) {
        seen.set(
          pipeline,
          queues.map(({ queue }) => queue),
        );
      }
      const [fault] = faults.map(faultText);
      view.show(all, fault ?? (all.length === 0 ? (await kept.reasons(only))[0] : undefined));
    } catch (error) {
      view.trouble(error);
    }
    await pause(world);
  }
}

/** A line for each queue whose numbers are others than before, for pipes and files; `json`: an object a pipeline. */
export function lineView({ output, clock }: World, json: boolean): QueueView {
  const before = new Map<string, string>();
  let said: string | undefined;
  const changed = (name: string, numbers: object): boolean => {
    const now = JSON.stringify({ ...numbers, oldest: undefined });
    if (before.get(name) === now) return false;
    before.set(name, now);
    return true;
  };
  const tell = (text: string | undefined): void => {
    if (text !== undefined && text !== said) output.err(`${text}\n`);
    said = text;
  };
  return {
    show(all, note) {
      tell(note);
      for (const rows of all) {
        if (json) {
          const { queues } = rows;
          const numbers = queues.map((row) => ({ ...row, oldest: undefined }));
          if (!changed(rows.pipeline, { ...rows, queues: numbers })) continue;
          const at = new Date(clock.wall()).toISOString();
          output.out(`${JSON.stringify({ at, ...rows })}\n`);
          continue;
        }
        for (const row of rows.queues) {
          if (!changed(`${rows.pipeline} ${row.queue}`, row)) continue;
          output.out(`${queueLine(rows.pipeline, row)}\n`);
        }
      }
    },
    trouble: (error) => tell(faultText(error)),
  };
}

/** A table that is drawn anew, for terminals. */
export function tableView({ output }: World): QueueView {
  const paint = painter(output.colors);
  let last: readonly PipelineRows[] = [];
  const draw = (head: string): void => {
    const table = last.length === 0 ? [] : ['', ...queueTable(last, paint)];
    const lines = [head, ...table];
    // More than fits would scroll, and leave its beginnings behind.
    const room = Math.max(4, output.rows - 1);
    const hidden = lines.length - room + 1;
    const shown =
      hidden <= 1 ? lines : [...lines.slice(0, room - 1), paint('dim', `and ${hidden} more`)];
    output.out(home + shown.map((line) => `${line}\n`).join(''));
  };
  return {
    show(all, note) {
      last = all;
      draw(
        note === undefined ? paint('dim', `${counted(all.length)}; Ctrl-C ends`) : harmless(note),
      );
    },
    trouble: (error) => draw(paint('red', harmless(faultText(error)))),
  };
}

/** To the upper left corner, and everything away. */
const home = '\u001b[H\u001b[2J';

function counted(count: number): string {
  return count === 1 ? '1 pipeline' : `${count} pipelines`;
}

function pause({ clock, output }: World): Promise<void> {
  return new Promise((resolve) => {
    const { closed } = output;
    const end = (): void => {
      stop();
      closed.removeEventListener('abort', end);
      resolve();
    };
    const stop = clock.after(every, end);
    closed.addEventListener('abort', end);
    if (closed.aborted) end();
  });
}
