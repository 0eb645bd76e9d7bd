import { setTimeout as after } from 'node:timers/promises';
import { Dice } from './dice.js';
import { type Field, openField, type StoreName } from './fields.js';
import { type Fact, now, type Told } from './history.js';
import { type Batch, childrenOf, type Lane, planOf } from './plan.js';
import type { Prey, PreySettings } from './prey.js';

export interface HuntSettings {
  readonly store: StoreName;
  readonly commands: number;
  /** Of workers. */
  readonly kills: number;
  readonly seed: number;
  /** Workers at once. */
  readonly workers: number;
  /** Runs that a worker has in hand at once, of all steps. */
  readonly concurrency: number;
  /** ms of a step, and what a lease has beyond it. */
  readonly timeout: number;
  readonly grace: number;
  readonly retries: number;
  /** ms between two blows, at least and at most. */
  readonly pauses: readonly [number, number];
  /** Commands that may be on their way at once. */
  readonly backlog: number;
  readonly say?: (line: string) => void;
}

/** What the store says when all is over. */
export interface End {
  /** Commands that are in queues still. */
  readonly left: number;
  readonly dead: readonly string[];
  /** Of each id that was asked for: how it ended, and as how many commands. */
  readonly states: ReadonlyMap<string, readonly [state: string, children: number]>;
}

export interface Hunted {
  readonly lanes: readonly Lane[];
  readonly facts: readonly Fact[];
  readonly end: End;
  readonly seconds: number;
}

type Blow = 'kill' | 'pause' | 'stop' | 'server' | 'cut';
/** Dealt by chance until there are none, and then again: so even a few kills come with all of the others. */
const deck: readonly Blow[] = [
  'kill',
  'kill',
  'kill',
  'kill',
  'kill',
  'pause',
  'stop',
  'server',
  'cut',
];
/** ms without any change, after which what is left is taken for lost. */
const patience = 60_000;

/** Gives workers commands and ends workers, until all commands and all kills are done. */
export class Hunter {
  readonly #settings: HuntSettings;
  readonly #dice: Dice;
  readonly #field: Field;
  readonly #lanes: readonly Lane[];
  readonly #facts: Fact[] = [];
  readonly #all: Prey[] = [];
  /** Those that may be asked and hunted. */
  readonly #awake = new Set<Prey>();
  /** What will come to its end. */
  readonly #underWay = new Set<Promise<unknown>>();
  #blows: Blow[] = [];
  #pushed = 0;
  #kills = 0;
  #backlog = 0;
  #fed = false;

  private constructor(settings: HuntSettings, field: Field) {
    this.#settings = settings;
    this.#field = field;
    this.#dice = new Dice(settings.seed + 1);
    this.#lanes = planOf(settings.commands, settings.seed);
  }

  static async hunt(settings: HuntSettings): Promise<Hunted> {
    const field = await openField(settings.store);
    const hunter = new Hunter(settings, field);
    try {
      return await hunter.#hunt();
    } finally {
      await Promise.all([...hunter.#awake].map((prey) => prey.kill()));
      await field.close();
    }
  }

  async #hunt(): Promise<Hunted> {
    const began = now();
    for (let i = 0; i < this.#settings.workers; i++) this.#start();
    await Promise.all(this.#all.map(({ up }) => up));
    const watching = new AbortController();
    const watched = this.#watch(watching.signal);
    const fed = Promise.all(this.#lanes.map((lane) => this.#feed(lane)));
    void fed.then(() => (this.#fed = true));
    await Promise.all([fed, this.#strike()]);
    await Promise.all(this.#underWay);
    watching.abort();
    await watched;
    const left = await this.#drained();
    const end = { left, ...(await this.#end()) };
    await Promise.all([...this.#awake].map((prey) => this.#stop(prey, true)));
    await Promise.all(this.#all.map(({ gone }) => gone));
    const facts = [...this.#facts, ...this.#all.flatMap((prey) => prey.facts())];
    facts.sort((a, b) => a.at - b.at);
    return { lanes: this.#lanes, facts, end, seconds: (now() - began) / 1_000 };
  }

  #note(told: Told, by = ''): void {
    this.#facts.push({ ...told, at: now(), by });
  }

  #start(): void {
    const { seed, timeout, grace, retries, concurrency } = this.#settings;
    const name = `w${this.#all.length}`;
    const settings: PreySettings = { name, seed, timeout, grace, retries, concurrency };
    const prey = this.#field.start(settings, this.#dice.next() < 0.6);
    this.#all.push(prey);
    const ready = prey.up.then(
      () => {
        this.#note({ kind: 'up' }, name);
        this.#awake.add(prey);
      },
      (error: unknown) => this.#note({ kind: 'wrong', text: String(error) }, name),
    );
    this.#keep(ready);
    void prey.gone.then((why) => {
      if (why !== undefined) this.#note({ kind: 'wrong', text: why }, name);
      this.#awake.delete(prey);
    });
  }

  #keep(work: Promise<unknown>): void {
    this.#underWay.add(work);
    void work.finally(() => this.#underWay.delete(work));
  }

  /** Has all batches of a lane pushed, one after the other. */
  async #feed({ named, batches }: Lane): Promise<void> {
    const { commands, kills, backlog } = this.#settings;
    for (const batch of batches) {
      // Load and kills come to their end together.
      while (
        this.#backlog > backlog ||
        this.#pushed / commands > (this.#kills + 1) / (kills + 1) + 0.05
      ) {
        await after(20);
      }
      if (named) await this.#pushNamed(batch);
      else await this.#ask(await this.#any(), batch);
      this.#pushed += batch.commands.length;
    }
  }

  /** Has it pushed, by one worker after the other, until one of them has said that it is. */
  async #pushNamed(batch: Batch): Promise<void> {
    for (;;) {
      const asked = [this.#ask(await this.#any(), batch)];
      if (batch.twice) asked.push(this.#ask(await this.#any(), batch));
      // One that is paused is not waited for.
      const given = Promise.any(asked.map((each) => each.then((done) => done || Promise.reject())));
      const done = await Promise.race([given.catch(() => false), after(1_000, false)]);
      if (done) return;
      await after(20);
    }
  }

  /** Whether it was answered. */
  async #ask(prey: Prey, batch: Batch): Promise<boolean> {
    return prey.ask('push', batch).then(Boolean, () => false);
  }

  async #any(): Promise<Prey> {
    while (this.#awake.size === 0) await after(20);
    return this.#dice.one([...this.#awake]);
  }

  async #strike(): Promise<void> {
    const { kills, commands, pauses, say } = this.#settings;
    let told = 0;
    while (this.#kills < kills) {
      await after(this.#dice.between(...pauses));
      // Never ahead of the load; and somebody is left to work.
      if (!this.#fed && this.#kills / kills > this.#pushed / commands + 0.05) continue;
      if (this.#awake.size < 2) continue;
      this.#blow(this.#dice.one([...this.#awake]));
      if (this.#kills >= told + 10) {
        told = this.#kills;
        say?.(`${this.#kills} kills, ${this.#pushed} pushed, ${this.#backlog} under way`);
      }
    }
  }

  #blow(prey: Prey): void {
    const { server } = this.#field;
    const blow = this.#nextBlow();
    if (blow === 'server' && server !== undefined) {
      if (this.#serverIsUp()) this.#keep(this.#killServer(server));
    } else if (blow === 'cut' && server !== undefined) {
      if (this.#serverIsUp()) this.#keep(this.#cutServer(server));
    } else if (blow === 'pause') this.#keep(this.#pause(prey));
    else if (blow === 'stop') {
      const drain = this.#dice.one([true, false, 100]);
      this.#keep(this.#stop(prey, drain));
      this.#start();
    } else {
      this.#kills++;
      this.#keep(this.#kill(prey));
      this.#start();
    }
  }

  #nextBlow(): Blow {
    if (this.#blows.length === 0) this.#blows = [...deck];
    const [blow = 'kill'] = this.#blows.splice(this.#dice.below(this.#blows.length), 1);
    return blow;
  }

  async #kill(prey: Prey): Promise<void> {
    this.#awake.delete(prey);
    this.#note({ kind: 'killed' }, prey.name);
    await prey.kill();
  }

  /** Up to three times as long as a lease. */
  async #pause(prey: Prey): Promise<void> {
    const { timeout, grace } = this.#settings;
    this.#awake.delete(prey);
    const ms = this.#dice.between(0.3, 3) * (timeout + grace);
    this.#note({ kind: 'paused' }, prey.name);
    await prey.pause();
    await after(ms);
    await prey.resume();
    this.#note({ kind: 'resumed' }, prey.name);
    this.#awake.add(prey);
  }

  async #stop(prey: Prey, drain: number | boolean): Promise<void> {
    this.#awake.delete(prey);
    this.#note({ kind: 'stopping' }, prey.name);
    // What drains may wait for a server; what does not end by itself has something open.
    const stopped = await Promise.race([
      prey.stop(drain).then(
        () => 'over',
        (error: unknown) => String(error),
      ),
      after(patience, 'it did not end'),
    ]);
    if (stopped === 'over') this.#note({ kind: 'over' }, prey.name);
    else {
      this.#note({ kind: 'wrong', text: `stop: ${stopped}` }, prey.name);
      await prey.kill();
    }
  }

  #serverIsUp(): boolean {
    return (
      this.#facts.findLast(({ kind }) => /^server (killed|up)$/.test(kind))?.kind !==
      'server killed'
    );
  }

  async #killServer(server: NonNullable<Field['server']>): Promise<void> {
    this.#note({ kind: 'server killed' });
    await server.kill();
    await after(this.#dice.between(20, 1_000));
    await server.start();
    this.#note({ kind: 'server up' });
  }

  async #cutServer(server: NonNullable<Field['server']>): Promise<void> {
    for (let i = 0; i < 3; i++) {
      // It may be killed meanwhile.
      const done = await server.cut().then(
        () => true,
        () => false,
      );
      if (done) this.#note({ kind: 'server cut' });
      await after(this.#dice.between(200, 600));
    }
  }

  /** Commands in all queues, as one of the workers sees them. */
  async #left(): Promise<number> {
    const counts = await (await this.#any()).ask('counts');
    const { queues } = counts as { queues: Record<string, Record<string, number>> };
    return Object.values(queues).reduce(
      (sum, { input = 0, held = 0, working = 0, waiting = 0 }) =>
        sum + input + held + working + waiting,
      0,
    );
  }

  async #watch(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await Promise.race([this.#left().then((left) => (this.#backlog = left)), after(2_000)]).catch(
        () => {},
      );
      await after(200);
    }
  }

  /** Waits until nothing is left, or nothing changes any more; what is left. */
  async #drained(): Promise<number> {
    let [left, since] = [Infinity, now()];
    while (now() - since < patience) {
      const seen = await this.#left();
      if (seen === 0) return 0;
      if (seen !== left) [left, since] = [seen, now()];
      await after(50);
    }
    return left;
  }

  async #end(): Promise<Omit<End, 'left'>> {
    const states = new Map<string, readonly [string, number]>();
    const prey = await this.#any();
    const named = this.#lanes.flatMap(({ batches }) => batches.flatMap(({ commands }) => commands));
    const asked = named.flatMap(({ id, key, fate }): [string, string | null][] => {
      if (id === undefined) return [];
      const ids = fate === 'split' ? [id, ...childrenOf(id)] : [id];
      return ids.map((each) => [each, key ?? null]);
    });
    for (let at = 0; at < asked.length; at += 500) {
      const page = asked.slice(at, at + 500);
      const ends = (await prey.ask('ends', page)) as [string, number][];
      for (const [i, [id]] of page.entries()) states.set(id, ends[i] ?? ['unanswered', 0]);
    }
    return { states, dead: (await prey.ask('dead')) as string[] };
  }
}
