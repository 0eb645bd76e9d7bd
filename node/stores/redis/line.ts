import type { Clock } from '../../../src/clock.js';
import { DserviceError } from '../../../src/errors.js';
import { type Fault, faultOf } from './faults.js';
import { loading } from './scripts/base.js';
import type { Script } from './script.js';

/** What carries commands to Redis: it keeps their order, and rejects while there is no connection. */
export interface Carrier {
  /** `key` decides which node of a cluster gets it. */
  send(key: string, args: readonly string[]): Promise<unknown>;
  /** Begins anew: other connections, other nodes. */
  renew(): void;
}

/** Something that is to be done: a script with arguments, or a plain command. */
export interface Task {
  readonly script?: Script;
  /** Which node of a cluster gets it, where that is not the partition's. */
  readonly key?: string;
  readonly args: readonly string[];
}

interface Call {
  readonly task: Task;
  readonly until: number;
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: Error) => void;
  flying: boolean;
}

const firstPause = 20;
const longestPause = 250;

/**
 * The calls to one partition, in order, also over reconnects: what was not answered, or was answered with what passes, is
 * sent again before what comes later, the first of them alone until it is answered. When the first call has waited for
 * `timeout`, all reject with ERR_STORE_AWAY, in order.
 *
 * A call that Redis would not do at that moment (while somebody else's script runs for seconds, or all scripts are
 * flushed) may be overtaken by those that were sent right behind it.
 */
export class Line {
  readonly #carrier: Carrier;
  readonly #keys: readonly string[];
  readonly #scripts: readonly Script[];
  readonly #timeout: number;
  readonly #clock: Clock;
  readonly #calls = new Set<Call>();
  readonly #idle: (() => void)[] = [];
  #flying = 0;
  // As at its beginning: it does not know what Redis knows.
  #stalled = true;
  #probe: Call | undefined;
  #pause = 0;
  #reason: DserviceError | undefined;
  #stopTimer: (() => void) | undefined;
  #nextTry: (() => void) | undefined;

  /**
   * `keys`: those that every script is given, the first of which says where it runs. `scripts`: all that are sent. They do
   * nothing where their first argument is `loading`.
   */
  constructor(
    carrier: Carrier,
    keys: readonly [string, ...string[]],
    scripts: readonly Script[],
    timeout: number,
    clock: Clock,
  ) {
    this.#carrier = carrier;
    this.#keys = keys;
    this.#scripts = scripts;
    this.#timeout = timeout;
    this.#clock = clock;
  }

  do(task: Task): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const until = this.#clock.now() + this.#timeout;
      const call: Call = { task, until, resolve, reject, flying: false };
      this.#calls.add(call);
      this.#stopTimer ??= this.#clock.after(this.#timeout, () => this.#late());
      if (this.#stalled) this.#goOn();
      else this.#send(call);
    });
  }

  /** Resolves when nothing is under way any more. */
  idle(): Promise<void> {
    if (this.#calls.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  /** What is under way rejects; nothing is sent any more. */
  end(): void {
    this.#stalled = true;
    this.#nextTry?.();
    this.#failAll(new DserviceError('ERR_CLOSED', 'the store is closed'));
  }

  #send(call: Call): void {
    const { script, args, key = this.#keys[0] ?? '' } = call.task;
    call.flying = true;
    this.#flying++;
    (script === undefined ? this.#carrier.send(key, args) : this.#carry(script, args)).then(
      (answer) => {
        this.#landed(call);
        if (this.#settle(call)) call.resolve(answer);
        this.#goOn();
      },
      (thrown: unknown) => {
        this.#landed(call);
        this.#refused(call, thrown);
      },
    );
  }

  #landed(call: Call): void {
    call.flying = false;
    this.#flying--;
  }

  #refused(call: Call, thrown: unknown): void {
    if (!this.#calls.has(call)) {
      this.#goOn();
      return;
    }
    const fault = faultOf(thrown);
    if (fault.kind === 'final') {
      this.#settle(call);
      call.reject(fault.error);
      this.#goOn();
      return;
    }
    this.#stalled = true;
    this.#wait(fault);
    this.#goOn();
  }

  #wait(fault: Fault): void {
    if (fault.kind !== 'script') this.#reason = fault.error;
    if (fault.kind !== 'away') return;
    this.#pause = Math.min(longestPause, Math.max(firstPause, this.#pause * 2));
    if (fault.elsewhere) this.#carrier.renew();
  }

  /** Where calls wait, and all that were sent are answered: sends the first of them. */
  #goOn(): void {
    if (!this.#stalled || this.#flying > 0 || this.#calls.size === 0) return;
    this.#nextTry ??= this.#clock.after(this.#pause, () => {
      this.#prepare().then(
        () => {
          this.#nextTry = undefined;
          [this.#probe] = this.#calls;
          if (this.#probe !== undefined) this.#send(this.#probe);
        },
        (thrown: unknown) => {
          this.#nextTry = undefined;
          const fault = faultOf(thrown);
          if (fault.kind === 'final') this.#failAll(fault.error);
          else this.#wait(fault);
          this.#goOn();
        },
      );
    });
  }

  /** Has Redis know all scripts, so that of calls of several kinds none overtakes another that is not known. */
  async #prepare(): Promise<void> {
    await Promise.all(
      this.#scripts.map((script) =>
        this.#carry(script, [loading]).catch((thrown: unknown) => {
          if (faultOf(thrown).kind !== 'script') throw thrown;
          return this.#carry(script, [loading], true);
        }),
      ),
    );
  }

  #carry(script: Script, args: readonly string[], whole = false): Promise<unknown> {
    const [key = ''] = this.#keys;
    const head = whole ? ['EVAL', script.source] : ['EVALSHA', script.sha];
    const keys = [String(this.#keys.length), ...this.#keys];
    return this.#carrier.send(key, [...head, ...keys, ...args]);
  }

  /** Whether the call was still waited for. */
  #settle(call: Call): boolean {
    const waited = this.#calls.delete(call);
    if (this.#calls.size === 0) this.#rest();
    // Redis does what it is told again: who waits behind may go.
    if (call === this.#probe) this.#flow();
    return waited;
  }

  #flow(): void {
    this.#stalled = false;
    this.#probe = undefined;
    this.#pause = 0;
    this.#reason = undefined;
    for (const call of this.#calls) if (!call.flying) this.#send(call);
  }

  #rest(): void {
    this.#stopTimer?.();
    this.#stopTimer = undefined;
    for (const resolve of this.#idle.splice(0)) resolve();
  }

  #late(): void {
    this.#stopTimer = undefined;
    const [first] = this.#calls;
    if (first === undefined) return;
    const left = first.until - this.#clock.now();
    if (left > 0) {
      this.#stopTimer = this.#clock.after(left, () => this.#late());
      return;
    }
    if (this.#flying > 0 || this.#nextTry !== undefined) this.#carrier.renew();
    const text = `redis has not answered for ${this.#timeout} ms`;
    this.#failAll(this.#reason ?? new DserviceError('ERR_STORE_AWAY', text));
  }

  #failAll(error: DserviceError): void {
    const calls = [...this.#calls];
    this.#calls.clear();
    this.#rest();
    for (const { reject } of calls) reject(error);
  }
}
