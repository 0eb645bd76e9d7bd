import type { Clock } from '../clock.js';
import type { Discovery } from '../discovery/discovery.js';
import type { InstanceRecord } from '../discovery/record.js';
import { DserviceError } from '../errors.js';
import type { Session } from '../protocol/session.js';
import { Connection } from './connection.js';
import { Instances } from './instances.js';
import { formatQuery, matches, type Query } from './name.js';
import { makePicker, type Pick, type Picker } from './pick.js';
import type { Matcher } from './range.js';

export interface ResolverOptions {
  readonly clock: Clock;
  readonly discovery: Discovery;
  readonly matcher: Matcher;
  /** Opens a session at an endpoint. */
  open(endpoint: string): Promise<Session>;
  /** Whether this caller may use an endpoint. */
  reachable(endpoint: string): boolean;
  readonly pick?: Pick | undefined;
  /** Only the newest of the versions that are there. */
  readonly prefer?: 'highest' | undefined;
  /** Milliseconds after which a connection that nobody uses is closed; 60,000. */
  readonly idle?: number | undefined;
}

/** Finds instances that will do, and keeps one connection to each that is used. */
export class Resolver {
  readonly #options: ResolverOptions;
  readonly #pick: Picker;
  readonly #names = new Map<string, Instances>();
  readonly #connections = new Map<string, Connection>();

  constructor(options: ResolverOptions) {
    this.#options = options;
    this.#pick = makePicker(options.pick, options.clock);
  }

  /** The instances of a name, followed from now on. */
  instances(name: string): Instances {
    let instances = this.#names.get(name);
    if (instances === undefined) {
      instances = new Instances(name, this.#options.discovery);
      instances.follow(() => this.#refresh(name));
      this.#names.set(name, instances);
    }
    return instances;
  }

  /** Instances that are up and satisfy the query. */
  up(query: Query): InstanceRecord[] {
    const { matcher, prefer } = this.#options;
    const all = [...this.instances(query.name).records];
    const good = all.filter((record) => record.state === 'up' && matches(query, record, matcher));
    if (prefer !== 'highest' || good.length < 2) return good;
    const newest = good.reduce((a, b) => (matcher.compare(a.version, b.version) < 0 ? b : a));
    return good.filter((record) => record.version === newest.version);
  }

  /** Picks an instance, without waiting; `tried` ones only where there is no other. */
  pick(query: Query, tried?: ReadonlySet<string>): Connection | undefined {
    const candidates = this.up(query)
      .filter((record) => tried?.has(record.id) !== true)
      .map((record) => this.#connection(record));
    // Those that cannot be reached, or are about to leave, come last.
    const fit = candidates.filter((candidate) => !candidate.suspect);
    return candidates.length === 0 ? undefined : this.#pick(fit.length > 0 ? fit : candidates);
  }

  /** Picks an instance, and waits for one, at most `wait` ms. Rejects with ERR_NO_INSTANCE. */
  async wait(query: Query, wait: number, tried?: ReadonlySet<string>): Promise<Connection> {
    const found = this.pick(query, tried);
    if (found !== undefined) return found;
    return await new Promise((resolve, reject) => {
      const stop = this.instances(query.name).follow(() => {
        const connection = this.pick(query, tried);
        if (connection === undefined) return;
        stop();
        stopTimer();
        resolve(connection);
      });
      // This timer keeps the process alive: somebody waits.
      const stopTimer = this.#options.clock.after(wait, () => {
        stop();
        reject(this.#none(query, wait));
      });
    });
  }

  /** Says what was looked for, where, and what was seen instead. */
  #none(query: Query, wait: number): DserviceError {
    const { discovery } = this.#options;
    const seen = [...this.instances(query.name).records].map(
      ({ name, version, state }) => `${name}@${version} (${state})`,
    );
    const instead =
      seen.length > 0 ? `seen instead: ${seen.join(', ')}` : 'none of that name was seen';
    const { degraded } = discovery;
    const where =
      degraded === undefined ? discovery.kind : `${discovery.kind} (${degraded.message})`;
    const service = formatQuery(query);
    const text = `no instance of ${service} within ${wait} ms, by ${where}; ${instead}`;
    return new DserviceError('ERR_NO_INSTANCE', text, {
      service,
      mayHaveRun: false,
      cause: degraded,
    });
  }

  #connection(record: InstanceRecord): Connection {
    let connection = this.#connections.get(record.id);
    if (connection === undefined) {
      const { clock, open, reachable, idle = 60_000 } = this.#options;
      connection = new Connection(record, {
        clock,
        open,
        idle,
        usable: ({ endpoints }) => endpoints.filter((endpoint) => reachable(endpoint)),
      });
      this.#connections.set(record.id, connection);
    }
    return connection;
  }

  /** Records may have changed, or gone: a connection outlives its record, but is not picked any more. */
  #refresh(name: string): void {
    const records = new Map([...this.instances(name).records].map((record) => [record.id, record]));
    for (const [id, connection] of this.#connections) {
      if (connection.record.name !== name) continue;
      const record = records.get(id);
      if (record !== undefined) connection.record = record;
      else if (connection.session === undefined) this.#connections.delete(id);
      else connection.session.on('end', () => this.#connections.delete(id));
    }
  }

  close(): void {
    for (const connection of this.#connections.values()) connection.close();
    for (const instances of this.#names.values()) instances.stop();
    this.#connections.clear();
    this.#names.clear();
  }
}
