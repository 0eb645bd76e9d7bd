import type { Clock } from '../clock.js';
import { DserviceError } from '../errors.js';
import { Lane } from './lane.js';
import type { Logger } from './logger.js';
import { forever, type Operations } from './operations.js';
import { Reaper } from './reaper.js';
import { idOf } from './ref.js';
import { Run, type RunHost } from './run.js';
import type { Step } from './step.js';
import type { Claimed, Claims, Outcome, Store, Turned, Want } from './store.js';
import { errorOf, storedError } from './stored-error.js';
import { aboutOf, type Listeners, tell } from './tell.js';

/** ms after which a worker looks though nobody woke it; up to a half longer, by chance. */
const glance = 5_000;
/** ms for the last outcomes of a worker that stops to be stored. */
const lastWords = 5_000;
/** Outcomes in one turn. */
const mostAnswers = 1_000;
/** Commands of one queue in one claim. */
const mostClaims = 1_000;
/** Queues without a step here that are warned of. */
const mostStrange = 100;

export interface WorkerOptions extends Listeners {
  readonly clock: Clock;
  readonly pipeline: string;
  readonly logger: Logger;
  readonly operations: Operations;
  readonly steps: ReadonlyMap<string, Step>;
  /** Commands in work at once, of all steps together. */
  readonly concurrency: number;
  /** ms that a lease lasts longer than its step's timeout. */
  readonly grace: number;
  readonly pack: (store: Store, data: unknown) => unknown;
  readonly keyFor: RunHost['keyFor'];
}

interface Answer {
  readonly run: Run;
  readonly outcome: Outcome;
}

/**
 * Claims commands, has them run, and commits what becomes of them: one turn at a time, so that outcomes are applied
 * in the order in which they came. What comes meanwhile goes with the next turn: that is all the batching there is.
 */
export class Worker {
  readonly #options: WorkerOptions;
  readonly #lanes = new Map<string, Lane>();
  readonly #reaper: Reaper;
  readonly #strange = new Set<string>();
  /** Who waits for all to be over. */
  readonly #waiting = new Set<() => void>();
  readonly #answers: Answer[] = [];
  #turning = false;
  #scheduled = false;
  #stopping = false;
  /** It has stopped: what comes now comes too late. */
  #over = false;
  /** Leases that are held or asked for. */
  #taken = 0;
  #dueAt = Infinity;
  #stopDue: (() => void) | undefined;
  #stopGlance: (() => void) | undefined;

  constructor(options: WorkerOptions) {
    this.#options = options;
    for (const step of options.steps.values()) {
      this.#lanes.set(step.queue, new Lane(step, options.grace));
    }
    this.#reaper = new Reaper({ ...options, onBack: () => this.wake() });
  }

  start(): void {
    this.#reaper.start();
    this.#glance();
    this.wake();
  }

  /** There may be something to claim, in any queue. */
  wake(): void {
    for (const lane of this.#lanes.values()) lane.hungry = true;
    this.#schedule();
  }

  /** Something came into a queue, or takes its place there in `delay` ms. */
  fed(queue: string, delay: number | undefined): void {
    if (this.#lanes.has(queue)) this.#feed(queue, delay);
    this.#schedule();
  }

  /** What may be claimed of these queues together with what is pushed to them. Each `reserve` is `settle`d. */
  reserve(queues: Iterable<string>): Want[] {
    const wants: Want[] = [];
    for (const queue of this.#stopping ? [] : queues) {
      const lane = this.#lanes.get(queue);
      const free = Math.min(lane?.free ?? 0, this.#options.concurrency - this.#taken);
      if (lane === undefined || free <= 0) continue;
      const max = Math.min(free, mostClaims);
      lane.asked += max;
      this.#taken += max;
      lane.hungry = false;
      // Who got something comes last the next time, so that none waits for ever where there is not enough for all.
      this.#lanes.delete(queue);
      this.#lanes.set(queue, lane);
      wants.push(lane.want(max));
    }
    return wants;
  }

  /** What came of what was reserved; undefined if it failed. `sent`: when it was first asked for. */
  settle(wants: readonly Want[], claims: Claims | undefined, sent: number): void {
    for (const { queue, max } of wants) {
      const lane = this.#lanes.get(queue);
      if (lane === undefined) continue;
      const count = claims?.claims.filter((each) => each.queue === queue).length ?? 0;
      // Until they run they count as asked for.
      lane.asked += count - max;
      this.#taken += count - max;
      // There may be more than were wanted.
      if (claims === undefined || count >= max) lane.hungry = true;
    }
    if (claims?.due !== undefined) this.#due(claims.due);
    if (claims !== undefined && claims.claims.length > 0) void this.#begin(claims.claims, sent);
    this.#schedule();
  }

  /** Claims no more; runs may go on for `ms`, then they go back to their queues. Called again, the shorter time counts. */
  async drain(ms: number): Promise<void> {
    this.#stopping = true;
    this.#stopGlance?.();
    this.#stopDue?.();
    if (ms > 0) await this.#idle(ms);
    const reason = new DserviceError('ERR_CLOSED', 'the pipeline stops');
    for (const { running } of this.#lanes.values()) {
      // The last first: each goes to the front.
      for (const run of [...running].reverse()) run.release(reason);
    }
  }

  /** Ends it, once the last outcomes are stored, or after a while. */
  async end(): Promise<void> {
    await this.#idle(lastWords);
    this.#over = true;
    this.#reaper.stop();
  }

  async #begin(claimed: readonly Claimed[], sent: number): Promise<void> {
    const { clock, operations, grace } = this.#options;
    // What the claim came with is told first.
    await Promise.resolve();
    const store = operations.ready;
    const late = store !== undefined && clock.now() - sent > grace / 2;
    const mine = late ? await this.#stillHeld(store, claimed) : claimed;
    for (const { queue } of claimed) {
      const lane = this.#lanes.get(queue);
      if (lane !== undefined) lane.asked--;
      this.#taken--;
    }
    // Without a store, it has been closed: they are given back when their leases end.
    if (store !== undefined && !this.#over) {
      const host = this.#host(store);
      for (const each of this.#stopping ? [...mine].reverse() : mine) this.#run(each, host);
    }
    this.#schedule();
  }

  /** Of what was claimed a while ago, what is ours still: their leases begin anew, so that they last for the timeout. */
  async #stillHeld(store: Store, claimed: readonly Claimed[]): Promise<Claimed[]> {
    const all = [...this.#lanes.values()].map(async ({ step: { queue }, lease }) => {
      const own = claimed.filter((each) => each.queue === queue);
      const held = own.length === 0 ? [] : await store.extend(own, lease).catch(() => []);
      return own.filter((_, i) => held[i]);
    });
    return (await Promise.all(all)).flat();
  }

  #run(claimed: Claimed, host: RunHost): void {
    const lane = this.#lanes.get(claimed.queue);
    if (lane === undefined) return;
    const run = new Run(claimed, lane.step, host);
    lane.running.add(run);
    this.#taken++;
    if (this.#stopping) {
      run.release(new DserviceError('ERR_CLOSED', 'the pipeline stops'));
      return;
    }
    const { events } = this.#options;
    if (events.listens('started')) {
      events.emit('started', { ...aboutOf(claimed), attempt: run.attempt });
    }
    run.start();
  }

  #host(store: Store): RunHost {
    const { clock, pipeline, logger, grace, pack, keyFor } = this.#options;
    return {
      clock,
      grace,
      pipeline,
      logger,
      store,
      pack: (data) => pack(store, data),
      keyFor,
      onAnswer: (run, outcome) => {
        this.#lanes.get(run.queue)?.running.delete(run);
        this.#taken--;
        this.#answers.push({ run, outcome });
        this.#schedule();
      },
      onHeartbeat: (run) => void this.#extend(store, run),
    };
  }

  async #extend(store: Store, run: Run): Promise<void> {
    const lane = this.#lanes.get(run.queue);
    // If it cannot be done now, the lease may end, and then it is known by the next answer.
    const [held] = await store.extend([run.claimed], lane?.lease ?? 0).catch(() => [true]);
    if (held === true || run.over) return;
    lane?.running.delete(run);
    this.#taken--;
    run.give(undefined, new DserviceError('ERR_LEASE_LOST', `${run.id} was given to another`));
    this.#lost(run);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled || this.#turning) return;
    this.#scheduled = true;
    this.#options.clock.endOfTurn(() => {
      this.#scheduled = false;
      void this.#turn();
    });
  }

  async #turn(): Promise<void> {
    if (this.#turning || this.#over) return;
    const answers = this.#answers.splice(0, mostAnswers);
    for (const answer of answers) this.#feeds(answer);
    const hungry = [...this.#lanes.values()].filter(({ hungry: is }) => is);
    const wants = this.reserve(hungry.map(({ step }) => step.queue));
    if (answers.length === 0 && wants.length === 0) {
      this.#checkIdle();
      return;
    }
    this.#turning = true;
    const sent = this.#options.clock.now();
    const turned = await this.#commit(answers, wants);
    this.#turning = false;
    this.settle(wants, turned, sent);
    for (const [i, answer] of answers.entries()) {
      if (turned?.held[i] === true) tell(this.#options, answer.run, answer.outcome);
      else if (turned !== undefined) this.#lost(answer.run);
    }
    this.#schedule();
  }

  /** Undefined if it came to nothing: the pipeline has stopped, or the store does not know the operation any more. */
  async #commit(answers: readonly Answer[], wants: readonly Want[]): Promise<Turned | undefined> {
    const { operations, logger } = this.#options;
    const outcomes = answers.map(({ outcome }) => outcome);
    try {
      return await operations.once((store, op) => store.turn(outcomes, wants, op), forever);
    } catch (error) {
      if (!this.#stopping) logger.error(errorOf(storedError(error)), 'a turn was not carried out');
      return undefined;
    }
  }

  /** Where an outcome leads to, there is something to claim in the same turn. */
  #feeds({ run, outcome }: Answer): void {
    const ends = outcome.kind !== 'retry';
    // Whoever was behind it, with the same key, comes up.
    if (ends && run.key !== undefined) this.#hungry(run.queue);
    if (outcome.kind === 'retry') this.#feed(run.queue, outcome.delay);
    if (outcome.kind !== 'done') return;
    for (const { queue, delay } of outcome.next) {
      this.#warnOf(queue);
      this.#feed(queue, delay);
    }
  }

  #feed(queue: string, delay: number | undefined): void {
    if (delay !== undefined && delay > 0) this.#due(delay);
    else this.#hungry(queue);
  }

  #hungry(queue: string): void {
    const lane = this.#lanes.get(queue);
    if (lane !== undefined) lane.hungry = true;
  }

  /** A step may move to a queue that another program works on; or its name is wrong. */
  #warnOf(queue: string): void {
    if (this.#lanes.has(queue) || this.#strange.has(queue)) return;
    if (this.#strange.size >= mostStrange) return;
    this.#strange.add(queue);
    const { logger, pipeline } = this.#options;
    logger.warn(
      `${pipeline}: no step of this program reads the queue ${queue}: what moves there waits`,
    );
  }

  #lost(run: Run): void {
    const { events, logger } = this.#options;
    logger.warn(`${run.queue}: ${idOf(run.claimed.ref)} was not ours any more: ERR_LEASE_LOST`);
    events.emit('leaseLost', { ...aboutOf(run.claimed), attempt: run.attempt });
  }

  #due(ms: number): void {
    const { clock } = this.#options;
    const at = clock.now() + ms;
    if (this.#stopping || at >= this.#dueAt) return;
    this.#stopDue?.();
    this.#dueAt = at;
    this.#stopDue = clock.after(Math.ceil(ms), () => {
      this.#dueAt = Infinity;
      this.wake();
    });
  }

  #checkIdle(): void {
    if (this.#taken > 0 || this.#answers.length > 0 || this.#turning) return;
    for (const resolve of this.#waiting) resolve();
  }

  /** Resolves when nothing runs and all outcomes are stored, or after `ms`. */
  #idle(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const over = (): void => {
        stop();
        this.#waiting.delete(over);
        resolve();
      };
      const stop = ms === Infinity ? () => {} : this.#options.clock.after(ms, over);
      this.#waiting.add(over);
      this.#checkIdle();
    });
  }

  #glance(): void {
    const { clock } = this.#options;
    this.#stopGlance = clock.after(glance * (1 + clock.random() / 2), () => {
      this.wake();
      this.#glance();
    });
  }
}
