import type { Fact } from './history.js';

export type StartFact = Extract<Fact, { kind: 'start' }>;
export type EffectFact = Extract<Fact, { kind: 'effect' | 'delayed' }>;
/** What ends a lease. */
export type CommitFact = Extract<Fact, { kind: 'moved' | 'finished' | 'retried' | 'dead' }>;

/** What is known of a command in a queue. */
export class SeenStay {
  readonly queue: string;
  readonly id: string;
  readonly starts: StartFact[] = [];
  readonly effects: EffectFact[] = [];
  readonly delays: EffectFact[] = [];
  readonly commits: CommitFact[] = [];

  constructor(queue: string, id: string) {
    this.queue = queue;
    this.id = id;
  }

  get name(): string {
    return `${this.id} in ${this.queue}`;
  }

  add(fact: StartFact | EffectFact | CommitFact): void {
    if (fact.kind === 'start') this.starts.push(fact);
    else if (fact.kind === 'effect') this.effects.push(fact);
    else if (fact.kind === 'delayed') this.delays.push(fact);
    else this.commits.push(fact);
  }

  /** What took it out of the queue. */
  get leavings(): CommitFact[] {
    return this.commits.filter(({ kind }) => kind !== 'retried');
  }

  /** In the order of their attempts; within one, of time. */
  get runs(): StartFact[] {
    return this.starts.toSorted((a, b) => a.attempt - b.attempt || a.at - b.at);
  }

  get first(): number {
    return this.starts.reduce((least, { at }) => Math.min(least, at), Infinity);
  }

  /**
   * When it was seen last in hands that had it: the last run began, and where that run was the one that took it away,
   * it had its effect. What runs do whose lease is lost is of no account.
   */
  get last(): number {
    const run = this.runs.at(-1);
    if (run === undefined) return -Infinity;
    const leaving = this.leavings[0];
    // Who took back its last lease may have been killed before it told.
    if (leaving === undefined || leaving.kind === 'dead') return run.at;
    const own = this.effects.filter(
      ({ by, attempt }) => by === leaving.by && attempt === leaving.attempt,
    );
    return own.reduce((most, { at }) => Math.max(most, at), run.at);
  }
}

/** All stays, by command and queue. */
export class Stays {
  readonly #all = new Map<string, SeenStay>();

  constructor(facts: readonly Fact[]) {
    for (const fact of facts) if (concernsStay(fact)) this.#of(fact.queue, fact.id).add(fact);
  }

  get(queue: string, id: string): SeenStay | undefined {
    return this.#all.get(`${queue} ${id}`);
  }

  [Symbol.iterator](): IterableIterator<SeenStay> {
    return this.#all.values();
  }

  #of(queue: string, id: string): SeenStay {
    const name = `${queue} ${id}`;
    const known = this.#all.get(name) ?? new SeenStay(queue, id);
    this.#all.set(name, known);
    return known;
  }
}

function concernsStay(fact: Fact): fact is StartFact | EffectFact | CommitFact {
  return 'attempt' in fact && fact.kind !== 'lost';
}
