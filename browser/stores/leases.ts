import type { Lease, Outcome, Want } from '../../src/pipeline/store.js';
import type { Change } from './change.js';
import type { Command } from './records.js';
import type { Found, Work } from './work.js';

interface Held {
  readonly found: Found;
  readonly command: Command;
}

/** The leases that somebody speaks of, as far as they are held. */
export class Leases {
  readonly #work: Work;
  readonly #held = new Map<string, Held>();

  constructor(work: Work) {
    this.#work = work;
  }

  async read(leases: readonly Lease[]): Promise<void> {
    const tokens = [...new Set(leases.map(({ token }) => token))];
    const read = tokens.map((token) => this.#work.named(this.#work.name('', '', token)));
    for (const found of (await Promise.all(read)).flat()) {
      const [[, queue, , , token], { commands }] = found;
      for (const command of commands) {
        this.#held.set(idOf({ ref: command.ref, queue, token: token as string }), { found, command }); // prettier-ignore
      }
    }
  }

  /** Applies outcomes in order; of each, whether its lease was held. */
  async apply(
    outcomes: readonly Outcome[],
    wants: readonly Want[],
    change: Change,
  ): Promise<boolean[]> {
    const sure: [Outcome, Command][] = [];
    const out = new Map<Found, Set<Command>>();
    const held = outcomes.map((outcome) => {
      const lease = this.#held.get(idOf(outcome));
      if (lease === undefined) return false;
      const { found, command } = lease;
      this.#held.delete(idOf(outcome));
      out.set(found, (out.get(found) ?? new Set()).add(command));
      sure.push([outcome, command]);
      return true;
    });
    const next = sure.flatMap(([it]) => (it.kind === 'done' ? it.next : []));
    const fresh = sure.flatMap(([it]) =>
      it.kind === 'done' ? it.next.filter((entry) => entry !== itself(it)) : [],
    );
    const leaving = sure.flatMap(([it, command]) => (it.kind === 'retry' ? [] : [command]));
    const queues = [...next, ...wants].map(({ queue }) => queue);
    await change.prepare(queues, next, leaving, fresh);
    for (const [found, gone] of out) {
      this.#work.keep(found, found[1].commands.filter((it) => !gone.has(it))); // prettier-ignore
    }
    for (const [outcome, command] of sure) {
      this.#work.queue(command.queue).working--;
      apply(outcome, command, change);
    }
    return held;
  }

  /** Lets leases end so much later; of each, whether it was held. */
  extend(leases: readonly Lease[], lease: number, tab: string): boolean[] {
    const work = this.#work;
    const longer = new Map<Found, Set<Command>>();
    const held = leases.map((each) => {
      const { found, command } = this.#held.get(idOf(each)) ?? {};
      if (found === undefined || command === undefined) return false;
      longer.set(found, (longer.get(found) ?? new Set()).add(command));
      return true;
    });
    for (const [[key, { commands }], some] of longer) {
      const [, queue, , at, token = '', , before = ''] = key;
      work.delete(key);
      const place = (part: readonly Command[], until = at as number, whose = before): void => {
        const [first] = part;
        if (first === undefined) return;
        work.put(work.key(queue, 'working', until, token, first.place ?? 0, whose), part);
      };
      place(commands.filter((it) => !some.has(it)));
      place(commands.filter((it) => some.has(it)), work.now + lease, tab); // prettier-ignore
    }
    return held;
  }
}

function apply(outcome: Outcome, command: Command, change: Change): void {
  const tries = command.tries + 1;
  if (outcome.kind === 'dead') {
    change.die({ ...command, tries }, outcome.error);
    return;
  }
  if (outcome.kind === 'retry') {
    const { counts, error = command.error, delay } = outcome;
    change.again({ ...command, tries: counts ? tries : command.tries, error }, delay);
    return;
  }
  const { next } = outcome;
  const own = itself(outcome);
  change.leave(command);
  for (const { queue } of next) change.promote(queue);
  if (own === undefined) change.finish(command, next.length);
  for (const entry of next) {
    const { queue, key, body, error, delay } = entry;
    if (entry === own) change.enter({ ...command, queue, key, body, error, tries: 0 }, delay);
    else change.add(entry);
  }
}

/** Of what a command becomes, what is the command itself. */
function itself({ ref, next }: Outcome & { kind: 'done' }) {
  return next.find((entry) => entry.ref === ref);
}

function idOf({ ref, queue, token }: Lease): string {
  return [queue, token, ref].join('\n');
}
