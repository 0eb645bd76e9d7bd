import type { Clock } from '../../clock.js';
import { DserviceError } from '../../errors.js';
import { isThenable } from '../bridge.js';
import { isRecord, type Message, readId } from '../message.js';
import type { Wire } from '../wire.js';
import type { Host } from './host.js';
import { type Answer, Kept } from './kept.js';
import { type Named, Replay } from './replay-map.js';
import { filled } from './slots.js';
import { functionAt, malformed, readPath, stepTo } from './steps.js';

/** What waits for outcomes. */
interface Job {
  readonly key: number;
  readonly message: Message;
  over: boolean;
  /** Waits no more for what it waits for: whoever gave up must not be kept. */
  leave: () => void;
}

/** Calls of the peer's that stand on outcomes of its calls before (protocol page, `on`, `results`, `keep`, `map`). */
export class Pipelined {
  readonly #wire: Wire;
  readonly #serving: Host;
  readonly #clock: Clock;
  #kept: Map<number, Kept> | undefined;
  /** Bytes of the outcomes that are kept. */
  #size = 0;
  /** By the id under which their outcome is wanted; by one below 0 where it is not. */
  #jobs: Map<number, Job> | undefined;
  #lastJob = 0;

  constructor(wire: Wire, serving: Host, clock: Clock) {
    this.#wire = wire;
    this.#serving = serving;
    this.#clock = clock;
  }

  /** Outcomes that are kept. */
  get size(): number {
    return this.#kept?.size ?? 0;
  }

  /** The outcome of this call is to be kept, if the message says so. Throws ERR_LIMIT. */
  keep(message: Message): void {
    if (message.keep !== true || this.#wire.plain) return;
    const reply = this.#serving.replyOf(message);
    if (reply === undefined) return;
    if (this.size >= this.#wire.limits.calls) {
      throw new DserviceError('ERR_LIMIT', `${this.size} outcomes are kept already`);
    }
    // Of one by the same id, nothing can be asked any more.
    this.#kept ??= new Map();
    this.#size -= this.#kept.get(reply)?.size ?? 0;
    this.#kept.set(reply, new Kept());
  }

  /** A call has its outcome, of about so many bytes. */
  settled(call: number, answer: Answer, size: number): void {
    const kept = this.#kept?.get(call);
    if (kept === undefined || kept.answer !== undefined) return;
    if (kept.released) this.#kept?.delete(call);
    const { held } = this.#wire.limits;
    if (kept.released || this.#size + size <= held) {
      if (!kept.released) this.#size += kept.size = size;
      return kept.settle(answer);
    }
    const text = `outcomes of more than ${held} bytes would be kept`;
    kept.settle([new DserviceError('ERR_LIMIT', text, { mayHaveRun: false })]);
  }

  release(call: unknown): void {
    const kept = typeof call === 'number' ? this.#kept?.get(call) : undefined;
    if (kept === undefined) return;
    kept.released = true;
    if (kept.answer === undefined) return;
    this.#kept?.delete(call as number);
    this.#size -= kept.size;
  }

  /** A call, a read or a map of what stands at a path of an outcome. Throws what is wrong with the message. */
  reach(message: Message, named: Named): void {
    const wire = this.#wire;
    const serving = this.#serving;
    const { methods } = wire;
    const on = readId(message.on);
    const path = readPath(message.method);
    if (on === undefined) throw malformed('`on` is not an id');
    const args = message.arguments === undefined ? undefined : wire.decode(message, '', true);
    const whole = args === undefined ? undefined : wire.takeWhole();
    const map =
      message.map === undefined ? undefined : new Replay(message.map, { wire, serving, named });
    const reply = serving.replyOf(message);
    this.#when([on, ...resultsOf(message)], message, (later, outcomeOf) => {
      const value = outcomeOf(on);
      if (args !== undefined && map === undefined) {
        const fn = functionAt(value, path, methods);
        return serving.whole(whole, later, () =>
          serving.run(fn, filled(args, outcomeOf), later, path.join('.')),
        );
      }
      const found = stepTo(value, path, methods);
      this.#answer(reply, map === undefined ? found : map.over(found, later));
    });
  }

  /** Calls when the outcomes are there that stand among the arguments. Throws what is wrong with the message. */
  fill(message: Message, call: (args: unknown[], message: Message) => void): void {
    const args = this.#wire.decode(message, '', true);
    const whole = this.#wire.takeWhole();
    this.#when(resultsOf(message), message, (later, outcomeOf) => {
      this.#serving.whole(whole, later, () => call(filled(args, outcomeOf), later));
    });
  }

  /** Whether that was a call that waits here. */
  cancel(call: number): boolean {
    const job = this.#jobs?.get(call);
    if (job === undefined) return false;
    this.#done(job);
    this.#serving.reply(call, [new DserviceError('ERR_CANCELLED', 'the caller gave up')]);
    return true;
  }

  end(): void {
    for (const job of this.#jobs?.values() ?? []) this.#done(job);
    this.#kept = undefined;
  }

  /**
   * Runs `use` when all these calls have their outcomes, with the message as it is by then. If one of them failed,
   * its error is the answer, and so is what `use` throws. Throws ERR_REFERENCE, ERR_BUSY.
   */
  #when(calls: readonly number[], message: Message, use: Use): void {
    const found = new Map(calls.map((call) => [call, this.#find(call)]));
    const all = [...found.values()];
    const reply = this.#serving.replyOf(message);
    const go = (later: Message): void => {
      try {
        this.#go(found, later, use);
      } catch (error) {
        this.#answerWith(reply, [error]);
      }
    };
    if (all.every(({ answer }) => answer !== undefined)) return go(message);
    this.#serving.checkRoom();
    // An id that is in use already cannot cancel both.
    const key = reply === undefined || this.#jobs?.has(reply) === true ? --this.#lastJob : reply;
    const job: Job = { key, message, over: false, leave: () => {} };
    this.#serving.waiting(1, message);
    (this.#jobs ??= new Map()).set(job.key, job);
    const began = this.#clock.now();
    const next = (): void => {
      if (job.over) return;
      const waits = all.find(({ answer }) => answer === undefined);
      if (waits !== undefined) {
        job.leave = () => waits.waiting.delete(next);
        return void waits.waiting.add(next);
      }
      this.#done(job, () => go(aged(message, this.#clock.now() - began)));
    };
    next();
  }

  #go(found: ReadonlyMap<number, Kept>, message: Message, use: Use): void {
    for (const { answer } of found.values()) {
      if (answer?.length !== 1) continue;
      return this.#answerWith(this.#serving.replyOf(message), answer);
    }
    use(message, (call) => found.get(call)?.answer?.[1]);
  }

  #find(call: number): Kept {
    const kept = this.#kept?.get(call);
    // What is released may still be waited for by what was sent before.
    if (kept !== undefined && !kept.released) return kept;
    const text = `the outcome of call ${call} is not kept`;
    throw new DserviceError('ERR_REFERENCE', text, { mayHaveRun: false });
  }

  #done(job: Job, then?: () => void): void {
    job.over = true;
    job.leave();
    this.#jobs?.delete(job.key);
    this.#serving.waiting(-1, job.message, then);
  }

  #answer(reply: number | undefined, value: unknown): void {
    if (reply === undefined) return;
    if (!isThenable(value))
      return this.#answerWith(reply, value === undefined ? [] : [null, value]);
    // It is under way: who leaves waits for it.
    this.#serving.waiting(1, {});
    value.then(
      (outcome) => {
        this.#answer(reply, outcome);
        this.#serving.waiting(-1, {});
      },
      (error: unknown) => {
        this.#answerWith(reply, [error]);
        this.#serving.waiting(-1, {});
      },
    );
  }

  #answerWith(reply: number | undefined, answer: Answer): void {
    if (reply !== undefined) this.#serving.reply(reply, answer);
  }
}

type Use = (message: Message, outcomeOf: (call: number) => unknown) => void;

/** A message that has waited: its deadline was counted from reading. */
function aged(message: Message, waited: number): Message {
  if (!isRecord(message.meta) || typeof message.meta.deadline !== 'number') return message;
  const deadline = Math.max(0, message.meta.deadline - waited);
  return { ...message, meta: { ...message.meta, deadline } };
}

/** The calls whose outcomes stand among the arguments. Throws ERR_MALFORMED. */
function resultsOf({ results }: Message): number[] {
  if (results === undefined) return [];
  // What it holds was read with the arguments.
  return isRecord(results) ? Object.keys(results).map(Number) : [];
}
