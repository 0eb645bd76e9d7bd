import { idOf, refOf } from '../../pipeline/ref.js';
import type {
  Claimed,
  Entry,
  Lease,
  ListedCommand,
  Op,
  Outcome,
  Pushed,
  State,
  Store,
  Turned,
  Want,
} from '../../pipeline/store.js';
import type { StoredError } from '../../pipeline/stored-error.js';

/** A command as tests name it: its id alone, or more. */
export type Spec =
  | string
  | {
      readonly id: string;
      readonly queue?: string;
      readonly key?: string;
      readonly given?: boolean;
      readonly delay?: number;
      readonly data?: unknown;
      readonly error?: StoredError;
    };

export type Wanted = Partial<Want>;

export const boom: StoredError = { name: 'Error', message: 'boom', code: 'E_BOOM' };

/** Who works on a store: it numbers its operations. Queues are `q`, leases a second, where a test does not say. */
export class Worker {
  readonly store: Store;
  readonly name: string;
  #seq = 0;

  constructor(store: Store, name: string) {
    this.store = store;
    this.name = name;
  }

  /** The next operation. */
  op(): Op {
    return { worker: this.name, seq: this.#seq++ };
  }

  entry(spec: Spec): Entry {
    const {
      id,
      queue = 'q',
      key,
      given = true,
      delay,
      error,
      ...rest
    } = typeof spec === 'string' ? { id: spec } : spec;
    const data = 'data' in rest ? rest.data : { id };
    return {
      ref: refOf(id, key),
      given,
      queue,
      body: this.store.pack(data).body,
      ...(key === undefined ? {} : { key }),
      ...(delay === undefined ? {} : { delay }),
      ...(error === undefined ? {} : { error }),
    };
  }

  /** A command that moves, with the ref that it has. */
  moved(claim: Claimed, queue: string, more: Partial<Entry> = {}): Entry {
    return { ref: claim.ref, given: claim.given, queue, body: claim.body, ...more };
  }

  push(specs: readonly Spec[], wants: readonly Wanted[] = [], op = this.op()): Promise<Pushed> {
    return this.store.push(
      specs.map((spec) => this.entry(spec)),
      wants.map(want),
      op,
    );
  }

  turn(
    outcomes: readonly Outcome[],
    wants: readonly Wanted[] = [],
    op = this.op(),
  ): Promise<Turned> {
    return this.store.turn(outcomes, wants.map(want), op);
  }

  async claim(max = 1, wanted: Wanted = {}): Promise<readonly Claimed[]> {
    return (await this.turn([], [{ max, ...wanted }])).claims;
  }

  /** The one that is next. */
  async one(wanted: Wanted = {}): Promise<Claimed> {
    const [claim] = await this.claim(1, wanted);
    if (claim === undefined) throw new Error(`nothing to claim in ${wanted.queue ?? 'q'}`);
    return claim;
  }

  /** The ids of all that can be claimed, which are leased then. */
  async drain(queue = 'q'): Promise<string[]> {
    const all: string[] = [];
    for (;;) {
      const claims = await this.claim(100, { queue });
      if (claims.length === 0) return all;
      all.push(...ids(claims));
    }
  }

  /** All pages of what is in a state. */
  async list(queue: string | undefined, state: State, limit = 100): Promise<ListedCommand[]> {
    const all: ListedCommand[] = [];
    let after: string | undefined;
    do {
      const page = { limit, ...(after === undefined ? {} : { after }) };
      const listed = await this.store.range(queue, state, page);
      if (listed.commands.length > limit) throw new Error(`a page of more than ${limit}`);
      all.push(...listed.commands);
      after = listed.next;
    } while (after !== undefined);
    return all;
  }

  reap(retries = 5, queues = ['q']) {
    return this.store.reap(queues.map((queue) => ({ queue, retries })));
  }
}

export function done(lease: Lease, next: readonly Entry[] = []): Outcome {
  return { ...leaseOf(lease), kind: 'done', next };
}

export function retry(
  lease: Lease,
  delay = 0,
  more: { readonly counts?: boolean; readonly error?: StoredError } = {},
): Outcome {
  return { ...leaseOf(lease), kind: 'retry', delay, counts: true, ...more };
}

export function dead(lease: Lease, error: StoredError = boom): Outcome {
  return { ...leaseOf(lease), kind: 'dead', error };
}

export function leaseOf({ ref, queue, token }: Lease): Lease {
  return { ref, queue, token };
}

/** Of claims or listed commands, the ids in order. */
export function ids(commands: readonly { readonly ref: string }[]): string[] {
  return commands.map(({ ref }) => idOf(ref));
}

export function numbered(count: number, prefix = 'c'): string[] {
  return Array.from({ length: count }, (_, i) => `${prefix}${i}`);
}

function want({ queue = 'q', max = 1, lease = 1_000, rate }: Wanted): Want {
  return { queue, max, lease, ...(rate === undefined ? {} : { rate }) };
}
