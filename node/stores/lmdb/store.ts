import { DserviceError } from '../../../src/errors.js';
import type {
  Claims,
  Counts,
  Entry,
  Found,
  Lease,
  Listed,
  ListedCommand,
  Op,
  Outcome,
  Page,
  Pushed,
  PushState,
  QueueCounts,
  Reaped,
  State,
  Store,
  StoreOptions,
  StoreSupports,
  Turned,
  Want,
} from '../../../src/pipeline/store.js';
import { type Body, packBody, unpackBody } from '../body.js';
import { Commands } from './commands.js';
import { type Command, fromBytes } from './entry.js';
import type { Environment } from './environment.js';
import { numberIn } from './keys.js';
import type { Ledger } from './ledger.js';
import { type Answer, Receipts } from './receipts.js';
import type { Row } from './table.js';

/** ms after which it is looked what other processes have done, where the file system did not tell. */
const pollInterval = 1_000;

const letters: Readonly<Record<PushState, string>> = {
  queued: 'q',
  known: 'k',
  finished: 'f',
  dead: 'd',
};
const ofLetter = new Map(Object.entries(letters).map(([state, letter]) => [letter, state]));

/** What stands around a call, in its transaction. */
interface Call {
  readonly ledger: Ledger;
  readonly commands: Commands;
  readonly now: number;
}

/** A pipeline in a folder. */
export class LmdbStore implements Store {
  readonly supports: StoreSupports;
  readonly #environment: Environment;
  readonly #pipeline: string;
  readonly #options: StoreOptions;
  readonly #release: () => Promise<void>;
  readonly #watches = new Set<() => void>();
  /** What is under way. */
  readonly #calls = new Set<Promise<unknown>>();
  #closed: Promise<void> | undefined;

  /** `release` gives the environment back. */
  constructor(
    environment: Environment,
    pipeline: string,
    options: StoreOptions,
    durability: 'flush' | 'always',
    release: () => Promise<void>,
  ) {
    this.supports = { durability, shared: 'processes' };
    this.#environment = environment;
    this.#pipeline = pipeline;
    this.#options = options;
    this.#release = release;
  }

  pack(data: unknown): { body: Body; size: number } {
    return packBody(data);
  }

  unpack(body: unknown): unknown {
    // What `pack` made, or what was read.
    return unpackBody(body as Body);
  }

  push(entries: readonly Entry[], wants: readonly Want[], op: Op): Promise<Pushed> {
    return this.#call((call) => {
      const known = this.#known(call, op, 'push');
      if (known !== undefined) {
        const states = [...known.parts].map((letter) => ofLetter.get(letter) as PushState);
        return { states, ...this.#still(call, known, op) };
      }
      const states = call.commands.push(entries);
      if (states.includes('queued')) call.ledger.state.changes++;
      const parts = states.map((state) => letters[state]).join('');
      return { states, ...this.#claim(call, wants, op, { kind: 'push', parts }) };
    });
  }

  turn(outcomes: readonly Outcome[], wants: readonly Want[], op: Op): Promise<Turned> {
    return this.#call((call) => {
      const known = this.#known(call, op, 'turn');
      if (known !== undefined) {
        const held = [...known.parts].map((letter) => letter === 'y');
        return { held, ...this.#still(call, known, op) };
      }
      const held = outcomes.map((outcome) => call.commands.apply(outcome));
      if (held.includes(true)) call.ledger.state.changes++;
      const parts = held.map((each) => (each ? 'y' : 'n')).join('');
      const claims = this.#claim(call, wants, op, { kind: 'turn', parts });
      call.commands.forgetMany();
      return { held, ...claims };
    });
  }

  extend(leases: readonly Lease[], lease: number): Promise<boolean[]> {
    return this.#call(({ commands }) => leases.map((each) => commands.extend(each, lease)));
  }

  reap(queues: readonly { readonly queue: string; readonly retries: number }[]): Promise<Reaped> {
    return this.#call(({ ledger, commands }) => {
      const reaped = commands.reap(queues);
      commands.forgetMany();
      if (reaped.expired.length > 0) ledger.state.changes++;
      return reaped;
    });
  }

  counts(): Promise<Counts> {
    return this.#call(({ ledger, now }) => {
      const queues = ledger.queues().flatMap((queue): [string, QueueCounts][] => {
        const counts = queue.counts(now);
        return counts === undefined ? [] : [[queue.name, counts]];
      });
      return { queues: Object.fromEntries(queues), dead: ledger.state.dead };
    });
  }

  find(refs: readonly string[]): Promise<(Found | undefined)[]> {
    return this.#call(({ commands }) => refs.map((ref) => commands.find(ref)));
  }

  range(queue: string | undefined, state: State, { limit, after: last }: Page): Promise<Listed> {
    const behind = last === undefined ? undefined : Buffer.from(last, 'base64url');
    return this.#call(({ ledger, commands }) => {
      const found = queue === undefined ? undefined : ledger.known(queue);
      if (queue !== undefined && found === undefined) return { commands: [] };
      // One more than a page tells whether there is another.
      const rows =
        state === 'dead'
          ? commands.deadOf(found?.number, limit + 1, behind)
          : (found?.list(state, limit + 1, behind) ?? []);
      const page = rows.slice(0, limit);
      const end = page.at(-1)?.key;
      return {
        commands: page.map((row) => listed(row, state, ledger)),
        ...(rows.length > limit && end !== undefined ? { next: end.toString('base64url') } : {}),
      };
    });
  }

  redrive(refs: readonly string[], to: string | undefined, reset: boolean): Promise<number> {
    return this.#each(refs, ({ commands }, ref) => commands.redrive(ref, to, reset));
  }

  purge(refs: readonly string[]): Promise<number> {
    return this.#each(refs, ({ commands }, ref) => commands.purge(ref));
  }

  watch(wake: () => void): () => void {
    if (this.#closed !== undefined) return () => {};
    let isOver = false;
    const stops = [
      this.#environment.listen({
        pipeline: this.#pipeline,
        by: this,
        wake: () => queueMicrotask(() => isOver || wake()),
      }),
      this.#poll(),
    ];
    const stop = (): void => {
      isOver = true;
      this.#watches.delete(stop);
      for (const each of stops.splice(0)) each();
    };
    this.#watches.add(stop);
    return stop;
  }

  async flush(): Promise<void> {
    // What was called before is committed before, and what is committed is on the disk.
    await this.#call(() => {});
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    for (const stop of this.#watches) stop();
    await Promise.allSettled(this.#calls);
    await this.#release();
  }

  /** Looks from time to time. */
  #poll(): () => void {
    const { clock } = this.#options;
    const tick = (): void => {
      this.#environment.look();
      cancel = clock.after(pollInterval, tick, true);
    };
    let cancel = clock.after(pollInterval, tick, true);
    return () => cancel();
  }

  async #call<T>(act: (call: Call) => T): Promise<T> {
    if (this.#closed !== undefined) throw new DserviceError('ERR_CLOSED', 'the store is closed');
    const { clock } = this.#options;
    const job = { pipeline: this.#pipeline, by: this };
    const running = this.#environment.run(job, (ledger) => {
      const now = clock.wall();
      const commands = new Commands(ledger, this.#options, now);
      commands.forgetOld();
      return act({ ledger, commands, now });
    });
    this.#calls.add(running);
    try {
      return await running;
    } finally {
      this.#calls.delete(running);
    }
  }

  #each(refs: readonly string[], act: (call: Call, ref: string) => boolean): Promise<number> {
    return this.#call((call) => {
      const count = [...new Set(refs)].filter((ref) => act(call, ref)).length;
      if (count > 0) call.ledger.state.changes++;
      return count;
    });
  }

  #known({ ledger, now }: Call, op: Op, kind: Answer['kind']): Answer | undefined {
    return new Receipts(ledger, now).get(op, kind);
  }

  #still({ commands }: Call, { queues, due }: Answer, op: Op): Claims {
    return { claims: commands.still(queues, op), ...(due === undefined ? {} : { due }) };
  }

  /** Claims, and keeps the answer. */
  #claim(
    { ledger, commands, now }: Call,
    wants: readonly Want[],
    op: Op,
    answer: Pick<Answer, 'kind' | 'parts'>,
  ): Claims {
    const claimed = commands.claim(wants, op);
    const queues = wants.map(({ queue }) => ledger.queue(queue).number);
    new Receipts(ledger, now).set(op, { ...answer, queues, due: claimed.due });
    return claimed;
  }
}

function listed({ key: place, value }: Row, state: State, ledger: Ledger): ListedCommand {
  const command: Command = fromBytes(value);
  const { ref, key, body, tries, error, pushed } = command;
  const queue = ledger.queueAt(command.queue).name;
  const always = { ref, queue, key, body, tries, error, pushed };
  if (state === 'input' || state === 'held') return always;
  return { ...always, at: state === 'dead' ? command.at : numberIn(place) };
}
