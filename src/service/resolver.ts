import type { Clock } from '../clock.js';
import { type Discovery, reasonsOf } from '../discovery/discovery.js';
import type { InstanceRecord } from '../discovery/record.js';
import { DserviceError } from '../errors.js';
import type { EngineSession as Session } from './engine.js';
import { Connection } from './connection.js';
import { Instances } from './instances.js';
import { formatQuery, matches, noRange, type Query } from './name.js';
import { Outliers } from './outliers.js';
import { makePicker, type Pick, type Picker } from './pick.js';
import type { Matcher } from './matcher.js';
import { observeInstance } from './observe-instance.js';
import type { Observers } from './observers.js';

export interface ResolverOptions {
  readonly clock: Clock;
  readonly discovery: Discovery;
  readonly matcher: Matcher;
  /** Opens a session with an instance, at an endpoint. `others`: all that may be used by now, should it be lost. */
  open(
    instance: InstanceRecord,
    endpoint: string,
    others: () => readonly string[],
  ): Promise<Session>;
  readonly observers?: Observers | undefined;
  /** Whether this caller may use an endpoint. */
  reachable(endpoint: string): boolean;
  readonly pick?: Pick | undefined;
  /** Only the newest of the versions that are there. */
  readonly prefer?: 'highest' | undefined;
  /** Milliseconds after which a connection that nobody uses is closed; 60,000. */
  readonly idle?: number | undefined;
}

/** The instances that will do for a query, as of one state of the set. */
interface Found {
  readonly state: number;
  readonly connections: readonly Connection[];
}

/** Finds instances that will do, and keeps one connection to each that is used. */
export class Resolver {
  readonly #options: ResolverOptions;
  readonly #pick: Picker;
  readonly #outliers: Outliers;
  readonly #names = new Map<string, Instances>();
  readonly #connections = new Map<string, Connection>();
  /** What each query finds, until the set changes: a call must not match versions. */
  readonly #found = new WeakMap<Query, Found>();
  /** Counts the changes of the set. */
  #state = 0;
  /** Service remotes that there are, by name. */
  readonly #remotes = new Map<string, number>();
  /** Those who wait, to be told of the end. */
  readonly #waiting = new Set<(over: DserviceError) => void>();
  readonly #stopLearning: (() => void) | undefined;
  #over: DserviceError | undefined;

  constructor(options: ResolverOptions) {
    this.#options = options;
    this.#pick = makePicker(options.pick, options.clock);
    const { clock, observers } = options;
    this.#outliers = new Outliers({
      clock,
      onEjected: (record, reason, rest) =>
        observeInstance(observers, 'instance:ejected', record, { reason, rest }),
      onTrial: (record) => observeInstance(observers, 'instance:trial', record),
      onReturned: (record) => observeInstance(observers, 'instance:returned', record),
    });
    this.#stopLearning = options.matcher.onLearned?.(() => {
      for (const instances of this.#names.values()) instances.touch();
    });
  }

  /** The instances of a name, followed from now on. */
  instances(name: string): Instances {
    let instances = this.#names.get(name);
    if (instances === undefined) {
      instances = new Instances(name, this.#options.discovery, this.#options.observers);
      instances.follow(() => this.#refresh(name));
      this.#names.set(name, instances);
    }
    return instances;
  }

  /** Picks an instance, without waiting, and none of those in `tried`. */
  pick(query: Query, tried?: ReadonlySet<string>): Connection | undefined {
    const all = this.connections(query);
    if (all.length === 0) return undefined;
    if ((tried === undefined || tried.size === 0) && all.every(isFit)) return this.#choose(all);
    const open = all.filter(({ leaving, record }) => !leaving && tried?.has(record.id) !== true);
    this.#outliers.settle(open);
    const trial = this.#outliers.trial(open.filter(({ suspect }) => !suspect));
    if (trial !== undefined) return trial;
    const fit = open.filter((connection) => isFit(connection));
    // Those that cannot be reached come last; whether they are back is found out beside the calls.
    if (fit.length > 0) for (const connection of open) connection.probe();
    const candidates = fit.length > 0 ? fit : open;
    return candidates.length === 0 ? undefined : this.#choose(candidates);
  }

  /** Whether there is one that is fit, and none of those in `tried`. */
  offers(query: Query, tried: ReadonlySet<string>): boolean {
    return this.connections(query).some((it) => isFit(it) && !tried.has(it.record.id));
  }

  /** Asks the picker, which may be the user's. Throws ERR_OPTION for what is none of those it was given. */
  #choose(candidates: readonly Connection[]): Connection {
    const picked: Connection | undefined = this.#pick(candidates);
    if (picked !== undefined && candidates.includes(picked)) return picked;
    throw new DserviceError('ERR_OPTION', '`pick` returns one of the instances that it is given');
  }

  /** A call to an instance was answered, after `ms`. */
  answered(query: Query, connection: Connection, ms: number): void {
    const { standing, steadySince } = connection;
    // One that waited for a way to the instance says nothing of its pace.
    if (this.#options.clock.now() - ms < steadySince && !standing.out) return standing.present();
    this.#outliers.answered(connection, ms, () => this.connections(query));
  }

  /** A call to an instance failed by its fault, or that of the way to it. */
  failed(query: Query, connection: Connection): void {
    const peers = (): readonly Connection[] => this.connections(query);
    if (connection.session?.away === true) this.#outliers.doubted(connection, peers);
    else this.#outliers.failed(connection, peers);
  }

  /** A session with any of the instances that will do, where one is open. */
  connected(query: Query): Session | undefined {
    for (const { session } of this.connections(query)) if (session !== undefined) return session;
    return undefined;
  }

  /**
   * Picks an instance, and waits for one, at most `wait` ms: then it is undefined. Rejects with the
   * signal's reason, with ERR_CLOSED when the resolver is closed, and with what a picker throws.
   */
  async wait(
    query: Query,
    wait: number,
    tried?: ReadonlySet<string>,
    signal?: AbortSignal,
  ): Promise<Connection | undefined> {
    if (this.#over !== undefined) throw this.#over;
    signal?.throwIfAborted();
    const found = this.pick(query, tried);
    if (found !== undefined) return found;
    return await new Promise((resolve, reject) => {
      const end = (): void => {
        stop();
        stopTimer();
        this.#waiting.delete(over);
        signal?.removeEventListener('abort', abort);
      };
      const over = (error: unknown): void => {
        end();
        // A picker may have thrown anything.
        // oxlint-disable-next-line prefer-promise-reject-errors
        reject(error);
      };
      const abort = (): void => over(signal?.reason);
      const stop = this.instances(query.name).follow(() => {
        try {
          const connection = this.pick(query, tried);
          if (connection === undefined) return;
          end();
          resolve(connection);
        } catch (error) {
          over(error);
        }
      });
      // This timer keeps the process alive: somebody waits.
      const stopTimer = this.#options.clock.after(wait, () => {
        end();
        resolve(undefined);
      });
      this.#waiting.add(over);
      signal?.addEventListener('abort', abort);
    });
  }

  /** Tells when it was closed, at once where it is; returns what takes that back. */
  onOver(listener: (over: DserviceError) => void): () => void {
    if (this.#over !== undefined) listener(this.#over);
    else this.#waiting.add(listener);
    return () => void this.#waiting.delete(listener);
  }

  /** ERR_NO_INSTANCE: what was looked for, where, and what was seen instead. */
  none(query: Query, wait: number): DserviceError {
    const { discovery } = this.#options;
    const seen = [...this.instances(query.name).records].map(
      ({ name, version, state }) => `${name}@${version} (${state})`,
    );
    const instead =
      seen.length > 0 ? `seen instead: ${seen.join(', ')}` : 'none of that name was seen';
    const [cause, ...more] = reasonsOf(discovery);
    const why = [cause, ...more].map((reason) => reason?.message).join('; ');
    const where = cause === undefined ? discovery.kind : `${discovery.kind} (${why})`;
    const service = formatQuery(query);
    const which = query.instance === undefined ? 'instance' : `instance ${query.instance}`;
    const text = `no ${which} of ${service} within ${Math.round(wait)} ms, by ${where}; ${instead}`;
    return new DserviceError('ERR_NO_INSTANCE', text, {
      service,
      mayHaveRun: false,
      cause,
    });
  }

  /** A remote stands for a service of that name, until the returned function is called. */
  remote(name: string): () => void {
    this.#remotes.set(name, (this.#remotes.get(name) ?? 0) + 1);
    let released = false;
    return () => {
      if (released) return;
      released = true;
      const left = (this.#remotes.get(name) ?? 1) - 1;
      this.#remotes.set(name, left);
      if (left > 0) return;
      for (const connection of this.#connections.values()) {
        if (connection.record.name === name) connection.unshare();
      }
    };
  }

  /** The instances that will do, as far as they are known. Throws ERR_RANGE. */
  connections(query: Query): readonly Connection[] {
    if (this.#over !== undefined) return [];
    // Followed from the first question on.
    const { records } = this.instances(query.name);
    const known = this.#found.get(query);
    if (known?.state === this.#state) return known.connections;
    const connections = this.#match(query, [...records]);
    this.#found.set(query, { state: this.#state, connections });
    return connections;
  }

  #match(query: Query, records: readonly InstanceRecord[]): Connection[] {
    const { matcher, prefer } = this.#options;
    if (query.range !== undefined && !matcher.isRange(query.range)) throw noRange(query.range);
    const here = new Set(records.map(({ id }) => id));
    // A record is a hint: whose connection stands is there, whatever became of its record.
    const lasting = [...this.#connections.values()].filter(
      ({ record, session }) => !here.has(record.id) && session !== undefined,
    );
    const all = [...records, ...lasting.map(({ record }) => record)];
    const good = all.filter((record) => record.state === 'up' && matches(query, record, matcher));
    const newest = good.reduce(
      (best, { version }) => (best === '' || matcher.compare(best, version) < 0 ? version : best),
      '',
    );
    return good
      .filter(
        ({ version }) =>
          prefer !== 'highest' || query.every === true || matcher.compare(version, newest) === 0,
      )
      .map((record) => this.#connection(record));
  }

  #connection(record: InstanceRecord): Connection {
    let connection = this.#connections.get(record.id);
    if (connection === undefined) {
      const { clock, open, reachable, idle = 60_000 } = this.#options;
      connection = new Connection(record, {
        ...{ clock, idle },
        open: (endpoint, others) => open(record, endpoint, others),
        usable: ({ endpoints }) => endpoints.filter((endpoint) => reachable(endpoint)),
        onChange: ({ record: { name } }) => this.#refresh(name),
      });
      this.#connections.set(record.id, connection);
    }
    return connection;
  }

  /** Whether a call would find an instance that is neither away nor leaving. */
  has(query: Query): boolean {
    return this.connections(query).some(isFit);
  }

  /** Records may have changed, or gone; a connection outlives its record. */
  #refresh(name: string): void {
    this.#state++;
    const records = new Map(
      [...(this.#names.get(name)?.records ?? [])].map((record) => [record.id, record]),
    );
    for (const [id, connection] of this.#connections) {
      if (connection.record.name !== name) continue;
      if (connection.session === undefined) this.#outliers.gone(connection);
      else if (!connection.session.away) this.#outliers.back(connection);
      const record = records.get(id);
      if (record !== undefined) connection.renew(record);
      else if (!connection.alive) this.#connections.delete(id);
    }
    // Last, when it is known who else would take their calls.
    for (const connection of this.#connections.values()) {
      if (connection.record.name === name) connection.session?.yield?.();
    }
  }

  close(): void {
    this.#over = new DserviceError('ERR_CLOSED', 'this caller was stopped', { mayHaveRun: false });
    this.#stopLearning?.();
    for (const connection of this.#connections.values()) connection.abandon();
    for (const instances of this.#names.values()) instances.stop();
    for (const over of [...this.#waiting]) over(this.#over);
  }
}

function isFit({ leaving, suspect, standing }: Connection): boolean {
  return !leaving && !suspect && !standing.out;
}
