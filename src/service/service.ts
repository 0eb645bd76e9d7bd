import type { Channel } from '../channel/channel.js';
import type { Announcement, Discovery } from '../discovery/discovery.js';
import type { InstanceRecord, InstanceState, Rely } from '../discovery/record.js';
import { Emitter } from '../emitter.js';
import { DserviceError } from '../errors.js';
import { defaultLimits, type Limits } from '../limits.js';
import { type Api, checkApi } from '../protocol/api.js';
import { messageOf } from '../protocol/encode.js';
import { Gates } from '../protocol/gates.js';
import { interceptorsOf } from '../protocol/intercept.js';
import { Caller, type Found } from './caller.js';
import { Dependencies } from './dependencies.js';
import { dnodeEngine } from './dnode-engine.js';
import { chooseEngines, type Engine } from './engine.js';
import { type Health, type HealthCheck, HealthChecks, worst } from './health.js';
import type { Matcher } from './matcher.js';
import { Instances } from './instances.js';
import { check as checkOptions, time } from './option-rules.js';
import { newId, parseService } from './name.js';
import { ObservedSession } from './observed-session.js';
import type { ObservedEvents } from './observer.js';
import { Observers } from './observers.js';
import { Relies } from './relies.js';
import type { Remote } from './remote.js';
import type { Logger } from './runtime.js';
import { Resumables } from './resume.js';
import { Served } from './served.js';
import {
  checkFindOptions,
  checkServiceOptions,
  type ConnectOptions,
  type FindOptions,
  type Reach,
  type ServiceOptions,
  served,
} from './service-options.js';
import { checkListener, type ServiceEvents } from './service-events.js';
import type { ServiceRuntime } from './service-runtime.js';
import type { Subscription, Untold } from './subscription.js';
import { type Delivery, Subscriptions } from './subscriptions.js';

/** Any listener, whatever it takes. */
// oxlint-disable-next-line no-explicit-any
type Anything = (...args: any[]) => unknown;

/** Milliseconds for which an instance that gave up in a circle is known as stuck. */
const standing = 5_000;

/** Something served under a name, or a caller without one. Made by `dservice()`. */
export class Service<At> {
  /** Unique to this running copy: 16 hex digits. */
  readonly id: string;
  readonly name: string | undefined;
  readonly version: string;
  readonly #runtime: ServiceRuntime<At>;
  readonly #matcher: Matcher;
  readonly #options: ServiceOptions;
  readonly #api: Api | undefined;
  readonly #limits: Limits;
  readonly #reach: Reach;
  readonly #logger: Logger;
  readonly #observers: Observers;
  readonly #events = new Emitter<ServiceEvents>();
  readonly #relies: Relies;
  readonly #engines: readonly Engine[];
  #state: InstanceState | 'new' | 'stopped' = 'new';
  #degraded = false;
  /** When those of its circle know by now: ms of the clock. */
  #stuckUntil = 0;
  #stopStanding: (() => void) | undefined;
  readonly #checks: HealthChecks;
  readonly #subscriptions: Subscriptions;
  #discovery: Discovery | undefined;
  #caller: Caller<At> | undefined;
  #server: Served | undefined;
  #announcement: Announcement | undefined;
  #dependencies: Dependencies | undefined;
  #starting: Promise<void> | undefined;
  #stopping: Promise<void> | undefined;
  readonly #abort = new AbortController();
  #forgetShutdown: (() => void) | undefined;

  /** Throws ERR_NAME, ERR_VERSION, ERR_API, ERR_OPTION. */
  constructor(
    runtime: ServiceRuntime<At>,
    name: string | undefined,
    api: Api | undefined,
    options: ServiceOptions,
  ) {
    this.#runtime = runtime;
    this.#options = options;
    checkServiceOptions(options);
    this.#matcher = runtime.matcher(() => this.discovery);
    const parsed = name === undefined ? undefined : parseService(name, this.#matcher);
    this.name = parsed?.name;
    this.version = parsed?.version ?? '0.0.0';
    this.#relies = new Relies(this.name);
    if (api !== undefined) checkApi(api);
    this.#api = api;
    this.#limits = { ...defaultLimits, ...options.limits };
    this.#reach = options.reach ?? runtime.reach;
    this.#logger = options.logger ?? console;
    this.#engines = chooseEngines(options.engines, [dnodeEngine, ...runtime.engines]);
    this.#checks = new HealthChecks(runtime.clock);
    this.#subscriptions = new Subscriptions(this.#limits.calls);
    this.#observers = new Observers(runtime, options);
    this.id = newId();
    // A program may pass its methods around.
    this.start = this.start.bind(this);
    this.stop = this.stop.bind(this);
  }

  get state(): InstanceState | 'new' | 'stopped' {
    return this.#state;
  }

  get endpoints(): readonly string[] {
    return this.#server?.endpoints ?? [];
  }

  /** What is announced of this instance. */
  get record(): InstanceRecord {
    const { id, version, endpoints } = this;
    return {
      ...{ id, name: this.name ?? '', version, endpoints },
      relies: this.#relies.all,
      state: this.#state === 'new' || this.#state === 'stopped' ? 'waiting' : this.#state,
      ...(this.#degraded ? { degraded: true } : {}),
    };
  }

  /** How instances are found, for those who want to look for themselves. */
  get discovery(): Discovery {
    return (this.#discovery ??= this.#makeDiscovery());
  }

  /**
   * Adds a check to what `health()` tells, here and to others: `s.check('db', () => db.ping())`. It has
   * `time` ms (5,000). Returns what takes it away. Throws ERR_OPTION.
   */
  check(name: string, check: HealthCheck, options: { time?: number } = {}): () => void {
    if (typeof name !== 'string' || typeof check !== 'function') {
      throw new DserviceError('ERR_OPTION', 'check() takes a name and a function');
    }
    checkOptions('check()', options, { time });
    return this.#checks.add(name, check, options.time);
  }

  /** How this instance is: what its checks say, at most a second ago, and what it misses. Never rejects. */
  async health(): Promise<Health> {
    const found = await this.#checks.run();
    const sessions = [...(this.#server?.sessions ?? [])];
    return {
      ...found,
      status: worst([found.status, this.#degraded ? 'degraded' : 'up']),
      calls: sessions.reduce((sum, { tables }) => sum + tables.serving, 0),
      sessions: sessions.length,
    };
  }

  /**
   * Adds a listener to an event of this service, or of what it does (docs/observability.md); returns what
   * removes it. Throws ERR_OPTION.
   */
  on<K extends keyof ServiceEvents>(
    event: K,
    listener: (...args: ServiceEvents[K]) => void,
  ): () => void;
  on<K extends keyof ObservedEvents>(
    event: K,
    listener: (event: ObservedEvents[K]) => void,
  ): () => void;
  /**
   * Listens to what each instance of another service in range emits, as they come and go. What the listener
   * throws goes to the `error` event, or the logger. Throws ERR_NAME, ERR_RANGE, ERR_OPTION, ERR_STATE.
   */
  on<A extends unknown[] = Untold>(
    query: string,
    event: string,
    listener: (...args: A) => unknown,
  ): Subscription;
  on(what: string, ...rest: [Anything] | [string, Anything]): () => void {
    // The overloads above have made sure that it is the listener of that event.
    const [listener, event] = rest.reverse() as [Anything, string?];
    checkListener(what, event, listener);
    if (event !== undefined) {
      return this.#call().listen(what, event, listener, (error) => this.#failed(what, error));
    }
    return what.includes(':')
      ? this.#observers.add({ [what]: listener })
      : this.#events.on(what as keyof ServiceEvents, listener);
  }

  /**
   * Tells those who listen to an event of this service: of each service that listens, one instance. Resolves
   * with what became of it at each, once their listeners have run. Never rejects. Throws ERR_OPTION.
   */
  emit(event: string, ...args: unknown[]): Promise<readonly Delivery[]> {
    return this.#subscriptions.tell(event, args, false);
  }

  /** As `emit`, to every instance of each service that listens. */
  broadcast(event: string, ...args: unknown[]): Promise<readonly Delivery[]> {
    return this.#subscriptions.tell(event, args, true);
  }

  /** What nobody awaits has failed. */
  #failed(what: string, error: unknown): void {
    if (this.#events.listens('error')) return this.#events.emit('error', error);
    this.#logger.warn(`dservice: ${what}: ${messageOf(error)}`);
  }

  /**
   * Declares that this service needs another: `start` waits until an instance in range is up, unless
   * it is optional. Throws ERR_NAME, ERR_RANGE, ERR_DEPENDENCY_CYCLE for its own name, and ERR_STATE once
   * the service was started.
   */
  rely(query: string, { optional = false }: { optional?: boolean } = {}): this {
    if (this.#state !== 'new' || this.#starting !== undefined) {
      throw new DserviceError(
        'ERR_STATE',
        'rely() is for before start(): others learn it at the start',
      );
    }
    this.#relies.add(query, optional, this.#matcher);
    return this;
  }

  /**
   * Listens, announces the instance, and resolves when it is up: when all it relies on is. Rejects with
   * ERR_STATE, ERR_LISTEN, ERR_DEPENDENCY, ERR_DEPENDENCY_CYCLE, and for a package.json that is wrong with
   * ERR_OPTION, ERR_NAME, ERR_RANGE; where nobody awaits it, the `error` event tells.
   */
  start(): Promise<void> {
    if (this.#starting !== undefined) return this.#starting;
    this.#starting = this.#start();
    this.#starting.catch((error: unknown) => {
      // Who called `stop` knows.
      if (error === this.#abort.signal.reason) return;
      this.#failed(`${this.name ?? 'a service'} did not start`, error);
    });
    return this.#starting;
  }

  async #start(): Promise<void> {
    if (this.name === undefined || this.#api === undefined) {
      const what = this.name === undefined ? 'a name' : 'an api';
      throw new DserviceError(
        'ERR_STATE',
        `a service without ${what} only calls: dservice(name, api) serves`,
      );
    }
    if (this.#state !== 'new') throw new DserviceError('ERR_STATE', 'this service was stopped');
    try {
      await this.#serve(this.#api);
      await this.#dependencies?.ready(this.#options.startTimeout ?? 30_000, this.#abort.signal);
    } catch (error) {
      // A caller of `start` hears it by the promise; the network must not go on believing in us.
      if (this.#dependencies?.stuck === true) this.#stand();
      else await this.stop(0);
      throw error;
    }
  }

  /** Stays known as stuck for a while: others of the circle see it later than we do. */
  #stand(): void {
    const { clock } = this.#runtime;
    this.#become('stuck');
    this.#stuckUntil = clock.now() + standing;
    this.#stopStanding = clock.after(standing, () => void this.stop(0));
  }

  async #serve(api: Api): Promise<void> {
    const { clock, scope, decodeText } = this.#runtime;
    const given = served(this.#options);
    const server = new Served(api, this.#engines, {
      service: { id: this.id, name: this.name ?? '', version: this.version },
      ...{ ...given, clock, scope, decodeText, limits: this.#limits, logger: this.#logger },
      intercept: interceptorsOf(scope, this.#options.intercept),
      ...{ health: () => this.health(), relies: () => this.#relies.all, gates: new Gates(clock) },
      subscribe: (...args) => this.#subscriptions.add(...args),
      resume: new Resumables({ clock, limits: this.#limits, authenticate: given.authenticate }),
      onSession: (session) => this.#events.emit('session', session),
      observe: (session) =>
        new ObservedSession(this.#observers, session, { side: 'server', self: this.name }),
    });
    this.#server = server;
    const at = this.#runtime.place(this.#options, this.#reach);
    const accept = (it: Channel): void => server.accept(it);
    const listener = this.#runtime.listen(at, this.#limits, accept, (it) => server.answer(it));
    await server.attach(await listener);
    const declared = this.#runtime.declared?.(this.#options);
    if (declared !== undefined) this.#relies.addShared(await declared);
    this.#abort.signal.throwIfAborted();
    if (this.#reach === 'lan' && this.endpoints.length > 0) this.#tellReach();
    this.#forgetShutdown = this.#runtime.onShutdown(this.stop);
    const { discovery } = this;
    const { resolver, dialing } = this.#call();
    if (this.#relies.all.length > 0) {
      this.#dependencies = new Dependencies(this.#relies.all, {
        ...{ clock, matcher: this.#matcher, discovery, dialing },
        self: () => this.record,
        watchCycle: (options) => this.#runtime.watchCycle(options),
        browse: () => new Instances(undefined, discovery),
        instances: (name) => resolver.instances(name),
        onChange: (missing) => this.#dependenciesChanged(missing),
      });
    }
    this.#state = this.#dependencies?.missing.length ? 'waiting' : 'up';
    this.#announcement = discovery.announce(this.record, (channel) =>
      this.#welcome(channel, server),
    );
    this.#events.emit('state', this.#state);
  }

  /** Takes a channel that came by way of a discovery, which has looked at its origin; we look again if we have a list. */
  #welcome(channel: Channel, server: Served): void {
    const { origin } = channel.peer;
    if (origin === undefined || (this.#options.origins?.includes(origin) ?? true)) {
      return server.accept(channel);
    }
    this.#logger.warn(
      `dservice: ${this.name}: a page of ${origin} was refused. See the option \`origins\`.`,
    );
    channel.destroy();
  }

  #tellReach(): void {
    const where = this.endpoints.join(' ');
    const open = this.#options.authenticate === undefined ? ', and anybody there may call it' : '';
    this.#logger.warn(`dservice: ${this.name} can be reached from the network at ${where}${open}`);
  }

  #become(state: InstanceState): void {
    if (this.#state === state) return;
    this.#state = state;
    this.#announcement?.update(this.record);
    this.#events.emit('state', state);
  }

  #dependenciesChanged(missing: readonly Rely[]): void {
    if (this.#state === 'waiting' && missing.length === 0) this.#become('up');
    if (this.#state !== 'up') return;
    const before = this.#degraded;
    this.#degraded = missing.length > 0;
    if (this.#degraded !== before) this.#announcement?.update(this.record);
    if (this.#degraded || before) this.#events.emit('degraded', missing);
  }

  /**
   * Leaves without failing anybody: no new calls, what runs is finished (within `time` ms), goodbye.
   * One that is stuck stays known as that until the others of its circle know, for 5 s or `time` ms. A service
   * without a name gives back its connections. Never rejects; a second call is the same one.
   */
  stop(time?: number): Promise<void> {
    return (this.#stopping ??= this.#stop(time));
  }

  async #stop(time: number | undefined): Promise<void> {
    this.#abort.abort(new DserviceError('ERR_STATE', 'the service was stopped before it was up'));
    this.#forgetShutdown?.();
    this.#dependencies?.stop();
    if (this.#announcement !== undefined && this.#state !== 'stuck') this.#become('draining');
    await Promise.all([this.#server?.drain(time).catch(() => {}), this.#quiet(time)]);
    await this.#stood(time);
    this.#state = 'stopped';
    await this.#announcement?.withdraw();
    this.#caller?.close();
    // A discovery that was given may serve others, and is theirs to close.
    if (this.#options.discovery === undefined) await this.#discovery?.close();
    this.#events.emit('state', 'stopped');
  }

  /** Resolves when a service that is stuck was known as that for long enough, at most `time` ms from now. */
  async #stood(time = Infinity): Promise<void> {
    const { clock } = this.#runtime;
    this.#stopStanding?.();
    const left = Math.min(this.#stuckUntil - clock.now(), time);
    if (left > 0) await new Promise<void>((resolve) => clock.after(left, resolve));
  }

  /** No more events of others; resolves when what they have begun has ended, after `time` ms at most. */
  async #quiet(time = 10_000): Promise<void> {
    let end = (): void => {};
    const late = new Promise<void>((resolve) => (end = this.#runtime.clock.after(time, resolve)));
    await Promise.race([this.#caller?.quiet(), late]);
    end();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  /**
   * A remote that stands for the service: each call goes to one of the instances in range. Resolves
   * once one is connected. Rejects with ERR_NAME, ERR_RANGE, ERR_NO_INSTANCE, ERR_CONNECT, ERR_AUTH.
   */
  // Without a type, a remote is what the caller believes it to be.
  // oxlint-disable-next-line no-explicit-any
  async connect<T = any>(query: string, options?: ConnectOptions): Promise<Remote<T> & Disposable> {
    // What instances really have is known only at the calls.
    return (await this.#call().connect(query, options)) as Remote<T> & Disposable;
  }

  /**
   * Finds one instance, and hands over its remote and the connection: `cb(err)` or `cb(null, remote, d)`.
   * `d.end()` gives the connection back. Errors are those of `connect`.
   */
  // As above.
  // oxlint-disable-next-line no-explicit-any
  dnodeFor<T = any>(query: string, cb: Found<T>): void;
  // oxlint-disable-next-line no-explicit-any
  dnodeFor<T = any>(query: string, options: FindOptions, cb: Found<T>): void;
  dnodeFor<T>(query: string, ...rest: [Found<T>] | [FindOptions, Found<T>]): void {
    const cb = rest.pop();
    const [options = {}] = rest as [FindOptions?];
    if (typeof cb !== 'function') {
      throw new DserviceError('ERR_OPTION', 'dnodeFor takes a function (err, remote, d)');
    }
    checkFindOptions(options);
    try {
      // As for `connect`.
      void this.#call().one(query, options, cb as Found<unknown>);
    } catch (error) {
      // As every other error: by the callback, and later.
      this.#runtime.clock.defer(() => cb(error as DserviceError, undefined, undefined));
    }
  }

  #call(): Caller<At> {
    if (this.#state === 'stopped') {
      throw new DserviceError('ERR_STATE', 'this service was stopped: make another to call');
    }
    return (this.#caller ??= new Caller({
      ...{ runtime: this.#runtime, matcher: this.#matcher, discovery: this.discovery },
      ...{ options: this.#options, reach: this.#reach, limits: this.#limits },
      ...{ logger: this.#logger, engines: this.#engines, observers: this.#observers },
      self: this.name,
    }));
  }

  #makeDiscovery(): Discovery {
    const given = this.#options.discovery;
    if (given === undefined) return this.#runtime.discover(this.#reach, this.#options);
    return 'announce' in given ? given : this.#runtime.merge(given);
  }
}
