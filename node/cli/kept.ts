import type { Clock } from '../../src/clock.js';
import { DserviceError } from '../../src/errors.js';
import { makePipeline } from '../../src/pipeline/make-pipeline.js';
import type { Pipeline } from '../../src/pipeline/pipeline.js';
import type { StoreFactory } from '../../src/pipeline/store.js';
import { faultText } from './fault.js';
import { UsageError } from './usage-error.js';
import type { World } from './world.js';

/** The option of those commands that look into a store. */
export const storeOption = { type: 'string' } as const;

const century = 3_153_600_000_000;

/** Who looks throws nothing away: how long and how much is kept is for the programs that work there to say. */
const forgetsNothing = {
  dedupe: century,
  deadAge: century,
  dedupeMax: 2 ** 31 - 1,
  deadMax: 2 ** 31 - 1,
};

/** What goes wrong is told once, by who asked. */
const quiet = { info: ignore, warn: ignore, error: ignore };

/** The pipelines that are kept in a store, for somebody who looks at them beside those who work. */
export class Kept {
  readonly #url: string | undefined;
  readonly #find: () => Promise<StoreFactory | undefined>;
  readonly #make: ReturnType<typeof makePipeline>;
  readonly #open = new Map<string, Pipeline>();
  #factory: StoreFactory | undefined;

  private constructor(url: string | undefined, { store, clock }: World) {
    this.#url = url;
    this.#find = () => store(url);
    this.#make = maker(clock);
  }

  /** Rejects with a UsageError for what is no store. */
  static async open(given: string | undefined, world: World): Promise<Kept> {
    const kept = new Kept(given ?? world.storeUrl, world);
    try {
      kept.#factory = await kept.#find();
    } catch (error) {
      if (!DserviceError.is(error) || error.code !== 'ERR_OPTION') throw error;
      throw new UsageError(faultText(error), { cause: error });
    }
    return kept;
  }

  /** The names of what is kept, in order; undefined where there is no store. Rejects as stores do. */
  async names(): Promise<string[] | undefined> {
    this.#factory ??= await this.#find();
    return (await this.#factory?.pipelines())?.sort();
  }

  /** One that is kept; undefined for any other: to look at it would begin it. Rejects as stores do. */
  async get(name: string): Promise<Pipeline | undefined> {
    const open = this.#open.get(name);
    if (open !== undefined) return open;
    const names = await this.names();
    if (this.#factory === undefined || names?.includes(name) !== true) return undefined;
    const made = this.#make(name, { store: this.#factory, logger: quiet, ...forgetsNothing });
    this.#open.set(name, made);
    return made;
  }

  /** Why there is nothing to show, in lines. */
  async reasons(pipeline?: string): Promise<string[]> {
    const names = await this.names();
    if (this.#factory === undefined || names === undefined) {
      return [
        `No pipeline is kept here: there is no ${this.#url ?? 'folder .dservice'}.`,
        '--store URL, or DSERVICE_STORE, says where they are: lmdb:./path, redis://…',
      ];
    }
    // Without the password that a URL may have.
    const { url } = this.#factory;
    if (names.length === 0) return [`No pipeline is kept in ${url}.`];
    return [`There is no pipeline ${pipeline ?? ''} in ${url}. There is: ${names.join(', ')}`];
  }

  async close(): Promise<void> {
    await Promise.all([...this.#open.values()].map((pipeline) => pipeline.stop()));
  }
}

/** Makes pipelines of stores that are open already. */
function maker(clock: Clock): ReturnType<typeof makePipeline> {
  return makePipeline({
    clock,
    store(): StoreFactory {
      throw new Error('the store is given');
    },
  });
}

function ignore(): void {}
