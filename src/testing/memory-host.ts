import type { Channel } from '../channel/channel.js';
import { memoryPair } from '../channel/memory.js';
import type { Discovery } from '../discovery/discovery.js';
import { memoryDiscovery, MemoryNetwork } from '../discovery/memory.js';
import { mergeDiscoveries } from '../discovery/merge.js';
import { DserviceError } from '../errors.js';
import { syncScope } from '../protocol/context.js';
import { askingWatch } from '../service/asking-watch.js';
import { semverMatcher } from '../service/range.js';
import type { ConnectOptions } from '../service/runtime.js';
import type { ServiceRuntime } from '../service/service-runtime.js';
import { VirtualClock } from './virtual-clock.js';

/** One end of a connection that a host made. */
interface Wire {
  readonly endpoint: string;
  stalled: boolean;
  readonly ends: readonly [Channel, Channel];
}

/**
 * A machine in memory: services and callers made with its `runtime` find each other and connect, with
 * no socket and no real time; and what may happen to them happens at a word.
 */
export class MemoryHost {
  readonly network = new MemoryNetwork();
  readonly runtime: ServiceRuntime<object>;
  /** Endpoints in the order in which they were dialled. */
  readonly dialled: string[] = [];
  /** What services asked to have done when the process ends. */
  readonly shutdowns = new Set<() => Promise<void>>();
  readonly #listeners = new Map<string, (channel: Channel) => void>();
  readonly #silent = new Set<string>();
  /** What is to arrive at, or from, an endpoint that is frozen. */
  readonly #frozen = new Map<string, (() => void)[]>();
  #wires: Wire[] = [];
  #ports = 0;

  constructor(readonly clock = new VirtualClock()) {
    this.runtime = {
      clock,
      scope: syncScope(),
      matcher: () => semverMatcher,
      reach: 'local',
      adopt: () => undefined,
      atRules: {},
      engines: [],
      connect: (endpoint, options) => this.#connect(endpoint, options),
      isGone: (error) => DserviceError.is(error) && error.code === 'ERR_CONNECT',
      listen: (_at, _limits, onChannel) => Promise.resolve(this.#listen(onChannel)),
      discover: () => this.discovery(),
      merge: (discoveries) => mergeDiscoveries({ discoveries, clock }),
      place: (options) => options,
      watchCycle: askingWatch,
      reachable: (endpoint) => endpoint.startsWith('memory:'),
      onShutdown: (stop) => {
        this.shutdowns.add(stop);
        return () => this.shutdowns.delete(stop);
      },
    };
  }

  /** A discovery of this machine. */
  discovery(): Discovery {
    return memoryDiscovery({ network: this.network, clock: this.clock });
  }

  /** Connections that are open, to an endpoint or to any. */
  open(endpoint?: string): number {
    return this.#wires.filter((wire) => endpoint === undefined || wire.endpoint === endpoint)
      .length;
  }

  /** Nobody listens there any more, without a word, and what was connected is lost. */
  kill(endpoint: string): void {
    this.#listeners.delete(endpoint);
    this.cut(endpoint);
  }

  /** What was connected to an endpoint is lost. */
  cut(endpoint: string): void {
    for (const wire of this.#wires.filter((it) => it.endpoint === endpoint)) {
      for (const end of wire.ends) end.destroy(new Error('the wire was cut'));
    }
  }

  /** Of what is connected to an endpoint nothing is heard any more, at either end. */
  stall(endpoint: string): void {
    for (const wire of this.#wires.filter((it) => it.endpoint === endpoint)) wire.stalled = true;
  }

  /** Who connects there gets no answer, from now on or not any more. */
  silence(endpoint: string, silent = true): void {
    if (silent) this.#silent.add(endpoint);
    else this.#silent.delete(endpoint);
  }

  /** Nothing arrives at an endpoint, or from it, until it does again, in order. It can be connected to. */
  freeze(endpoint: string, frozen = true): void {
    if (frozen) return void this.#frozen.set(endpoint, this.#frozen.get(endpoint) ?? []);
    const held = this.#frozen.get(endpoint) ?? [];
    this.#frozen.delete(endpoint);
    for (const deliver of held) this.clock.defer(deliver);
  }

  #listen(onChannel: (channel: Channel) => void) {
    const endpoint = `memory:${++this.#ports}`;
    this.#listeners.set(endpoint, onChannel);
    return {
      endpoints: [endpoint],
      close: () => {
        this.#listeners.delete(endpoint);
        return Promise.resolve();
      },
    };
  }

  async #connect(endpoint: string, { timeout = 10_000 }: ConnectOptions): Promise<Channel> {
    this.dialled.push(endpoint);
    if (this.#silent.has(endpoint)) {
      await new Promise<void>((resolve) => this.clock.after(timeout, resolve));
      throw new DserviceError('ERR_TIMEOUT', `no connection to ${endpoint} within ${timeout} ms`);
    }
    // Nothing answers within the turn.
    await Promise.resolve();
    const accept = this.#listeners.get(endpoint);
    if (accept === undefined) {
      throw new DserviceError('ERR_CONNECT', `cannot connect to ${endpoint}: nobody listens there`);
    }
    const { clock } = this;
    const ends = memoryPair({
      clock: {
        ...{ now: () => clock.now(), wall: () => clock.wall(), random: () => clock.random() },
        ...{ after: (ms, fn) => clock.after(ms, fn), endOfTurn: (fn) => clock.endOfTurn(fn) },
        defer: (fn) => {
          const held = this.#frozen.get(endpoint);
          if (held === undefined) clock.defer(fn);
          else held.push(fn);
        },
      },
    });
    const wire: Wire = { endpoint, ends, stalled: false };
    this.#wires.push(wire);
    const [near, far] = ends;
    accept(watched(far, wire, () => {}));
    return watched(near, wire, () => (this.#wires = this.#wires.filter((it) => it !== wire)));
  }
}

/** A channel that tells when it has ended, and nothing else while its wire is stalled. */
function watched(channel: Channel, wire: Wire, ended: () => void): Channel {
  return new Proxy(channel, {
    get(target, key) {
      if (key !== 'open') {
        // What a channel has of its own is not the proxy's.
        const own: unknown = Reflect.get(target, key);
        return typeof own === 'function' ? (own.bind(target) as unknown) : own;
      }
      const open: Channel['open'] = (handlers) =>
        target.open({
          receive(data) {
            if (!wire.stalled) handlers.receive(data);
          },
          drain: () => handlers.drain(),
          close(error) {
            ended();
            handlers.close(error);
          },
        });
      return open;
    },
  });
}
