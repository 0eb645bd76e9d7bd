import type { DiscoveryEvent } from '../../src/discovery/discovery.js';
import type { InstanceRecord } from '../../src/discovery/record.js';
import type { DserviceError } from '../../src/errors.js';
import { faultText } from './fault.js';
import { eventLine, inOrder, tableOf, toJson } from './listing.js';
import { harmless, painter } from './style.js';
import type { World } from './world.js';

/** Shows what happens, as it happens. */
export interface View {
  event(event: DiscoveryEvent): void;
  degraded(reason: DserviceError | undefined): void;
}

/** One line an event, for pipes and files. */
export function lineView({ output }: World, json: boolean): View {
  return {
    event({ type, record }) {
      const line = json
        ? JSON.stringify({ type, record: toJson(record) })
        : eventLine({ type, record });
      output.out(`${line}\n`);
    },
    degraded(reason) {
      output.err(reason === undefined ? 'Discovery works again.\n' : `${faultText(reason)}\n`);
    },
  };
}

/** A table that is drawn anew at each change, for terminals. */
export function tableView({ output, clock }: World): View {
  const records = new Map<string, InstanceRecord>();
  const paint = painter(output.colors);
  let reason: DserviceError | undefined;
  let drawing = false;
  // What changes together is drawn together.
  const draw = (): void => {
    if (drawing) return;
    drawing = true;
    clock.defer(() => {
      drawing = false;
      output.out(
        home +
          frame()
            .map((line) => `${line}\n`)
            .join(''),
      );
    });
  };
  const frame = (): string[] => {
    const head = [paint('dim', `${count(records.size)} on the air; Ctrl-C ends`)];
    if (reason !== undefined) head.push(paint('red', harmless(faultText(reason))));
    const table = records.size === 0 ? [] : ['', ...tableOf(inOrder(records.values()), paint)];
    const lines = [...head, ...table];
    // More than fits would scroll, and leave its beginnings behind.
    const room = Math.max(4, output.rows - 1);
    if (lines.length <= room) return lines;
    const hidden = lines.length - room + 1;
    return [...lines.slice(0, room - 1), paint('dim', `and ${hidden} more`)];
  };
  draw();
  return {
    event({ type, record }) {
      if (type === 'down') records.delete(record.id);
      else records.set(record.id, record);
      draw();
    },
    degraded(now) {
      reason = now;
      draw();
    },
  };
}

/** To the upper left corner, and everything away. */
const home = '\u001b[H\u001b[2J';

function count(size: number): string {
  if (size === 0) return 'nothing';
  return size === 1 ? '1 instance' : `${size} instances`;
}
