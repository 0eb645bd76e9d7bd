import type { Clock } from '../../src/clock.js';
import type { Announcement, Discovery, DiscoveryEvent } from '../../src/discovery/discovery.js';
import type { InstanceRecord } from '../../src/discovery/record.js';

/** A discovery, as a bridge is to see it. */
export interface Beyond extends Discovery {
  /** Where an instance is reached, as it was heard. */
  heard(id: string): readonly string[];
  /** Says goodbye for all that was announced, and announces nothing more. */
  retire(): Promise<void>;
}

/** Milliseconds, drawn by lot, until what a client announces is announced beyond. */
const pause = { least: 100, most: 400 };

/**
 * What is heard keeps its endpoints to itself: they may be those of this machine's loopback, which
 * means another one to a client elsewhere, and no page can use them; what is offered to clients is the way by the
 * rendezvous alone. What is announced waits a moment, and as long as somebody else announces the same
 * instance: two of us whose client is the same one would else dispute its name for ever.
 */
export function beyond(discovery: Discovery, clock: Clock): Beyond {
  const heard = new Map<string, InstanceRecord>();
  const mine = new Map<string, Delayed>();
  const listeners = new Set<(event: DiscoveryEvent) => void>();
  let retired = false;

  discovery.browse(undefined, ({ type, record }) => {
    const { id } = record;
    const own = mine.get(id);
    if (own?.announced !== true) {
      if (type === 'down') heard.delete(id);
      else heard.set(id, record);
      if (type === 'down') own?.begin();
    }
    for (const listener of [...listeners]) listener({ type, record: bare(record) });
  });

  function announce(first: InstanceRecord): Announcement {
    const { id } = first;
    const own = new Delayed(first, {
      begin: (act) => {
        const ms = pause.least + clock.random() * (pause.most - pause.least);
        return clock.after(ms, act, true);
      },
      announce: (record) => (retired || heard.has(id) ? undefined : discovery.announce(record)),
    });
    mine.set(id, own);
    own.begin();
    return {
      update: (record) => own.update(record),
      async withdraw() {
        if (mine.get(id) !== own) return;
        const told = own.announced;
        if (!told) mine.delete(id);
        await own.withdraw();
        if (mine.get(id) === own) mine.delete(id);
        if (told) return;
        // Whoever listens has not heard of ours, and so hears nothing of its end.
        const elsewhere = heard.get(id);
        for (const listener of [...listeners]) {
          listener({ type: 'down', record: bare(own.record) });
          if (elsewhere !== undefined) listener({ type: 'up', record: bare(elsewhere) });
        }
      },
    };
  }

  return {
    kind: discovery.kind,
    announce,
    browse(name, listener) {
      const wanted = (event: DiscoveryEvent): void => {
        if (name === undefined || event.record.name === name) listener(event);
      };
      let begun = false;
      // Told once it has returned, like all discoveries do.
      clock.defer(() => {
        if (!begun) return;
        for (const record of heard.values()) wanted({ type: 'up', record: bare(record) });
        listeners.add(wanted);
      });
      begun = true;
      return () => {
        begun = false;
        listeners.delete(wanted);
      };
    },
    heard: (id) => heard.get(id)?.endpoints ?? [],
    get degraded() {
      return discovery.degraded;
    },
    onDegraded: (listener) => discovery.onDegraded(listener),
    async retire() {
      retired = true;
      await Promise.all([...mine.values()].map((own) => own.withdraw()));
    },
    close: () => discovery.close(),
  };
}

interface DelayedOptions {
  /** Acts after a while, unless what is returned is called. */
  begin(act: () => void): () => void;
  /** Undefined: not now. */
  announce(record: InstanceRecord): Announcement | undefined;
}

/** An announcement that is made later, or never. */
class Delayed {
  record: InstanceRecord;
  readonly #options: DelayedOptions;
  #announcement: Announcement | undefined;
  #stop: (() => void) | undefined;
  #over = false;

  constructor(record: InstanceRecord, options: DelayedOptions) {
    this.record = record;
    this.#options = options;
  }

  get announced(): boolean {
    return this.#announcement !== undefined;
  }

  begin(): void {
    if (this.#over || this.#announcement !== undefined) return;
    this.#stop?.();
    this.#stop = this.#options.begin(() => {
      this.#announcement = this.#options.announce(this.record);
    });
  }

  update(record: InstanceRecord): void {
    if (this.#over) return;
    this.record = record;
    this.#announcement?.update(record);
  }

  async withdraw(): Promise<void> {
    this.#over = true;
    this.#stop?.();
    await this.#announcement?.withdraw();
  }
}

function bare(record: InstanceRecord): InstanceRecord {
  return { ...record, endpoints: [] };
}
