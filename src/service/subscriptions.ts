import { DserviceError } from '../errors.js';
import { isReceived } from '../protocol/error-value.js';
import { callable, type Callable } from '../protocol/options.js';
import { Reference } from '../protocol/references.js';
import type { SessionHandle } from '../protocol/session-handle.js';
import { listenerTime } from './subscription.js';

/** What became of an event at one of those who listen. */
export interface Delivery {
  /** The name of the service that listens; undefined of a caller without one. */
  readonly service: string | undefined;
  /** Why it is not known that its listener has run to its end. */
  readonly error?: Error;
}

/** Listeners that one peer may have, and bytes of an event's name. */
const mostListeners = 1_000;
const longestName = 255;

/** What is told has happened: a listener has its 30 s also where the call in whose service it is told has less. */
const given = { deadline: listenerTime, apart: true };

/** One who listens. */
interface Peer {
  readonly session: SessionHandle;
  listeners: number;
  /** Events that are on their way to it. */
  telling: number;
  /** When it was told last, as a number that grows. */
  told: number;
}

/** One peer's listeners for one event. */
interface Member {
  readonly peer: Peer;
  /** Each with the function that stands for it here: were that collected, the peer would be told to forget it. */
  readonly listeners: Map<Callable, unknown>;
}

/** Those of one service, or one caller without a name. */
interface Group {
  readonly service: string | undefined;
  readonly members: Map<SessionHandle, Member>;
}

/** Those elsewhere who listen to the events of a service. */
export class Subscriptions {
  readonly #most: number;
  /** By event, then by service: a caller without a name is one by itself. */
  readonly #events = new Map<string, Map<string | SessionHandle, Group>>();
  readonly #peers = new Map<SessionHandle, Peer>();
  #told = 0;

  /** `most`: events that may be on their way to one peer. */
  constructor(most: number) {
    this.#most = most;
  }

  /** Adds a listener of a peer's, as it was sent; returns what takes it away. Throws ERR_OPTION, ERR_LIMIT. */
  add(session: SessionHandle, event: unknown, listener: unknown, service: unknown): () => true {
    checkEvent(event);
    const own = callableOf(listener);
    if (own === undefined || !isGroup(service)) {
      throw new DserviceError('ERR_OPTION', 'who listens gives a function, and its name or null');
    }
    // What errors and observers call it.
    if (own instanceof Reference) own.name = event;
    const peer = this.#peers.get(session) ?? this.#meet(session);
    if (peer.listeners >= mostListeners) {
      throw new DserviceError('ERR_LIMIT', `a peer may have ${mostListeners} listeners`);
    }
    const key = service ?? session;
    const groups = entry(this.#events, event, () => new Map<typeof key, Group>());
    const group = entry(groups, key, () => ({
      service: service ?? undefined,
      members: new Map<SessionHandle, Member>(),
    }));
    const { listeners } = entry(group.members, session, () => ({ peer, listeners: new Map() }));
    if (!listeners.has(own)) peer.listeners++;
    listeners.set(own, listener);
    return () => {
      if (listeners.delete(own)) {
        peer.listeners--;
        own.release();
        if (listeners.size === 0) this.#forget(event, key, session);
      }
      // An outcome also where all functions of this program take callbacks.
      return true;
    };
  }

  #meet(session: SessionHandle): Peer {
    const peer = { session, listeners: 0, telling: 0, told: 0 };
    this.#peers.set(session, peer);
    session.on('end', () => {
      this.#peers.delete(session);
      for (const [event, groups] of this.#events) {
        for (const key of groups.keys()) this.#forget(event, key, session);
      }
    });
    return peer;
  }

  #forget(event: string, key: string | SessionHandle, session: SessionHandle): void {
    const groups = this.#events.get(event);
    const members = groups?.get(key)?.members;
    members?.delete(session);
    if (members?.size === 0) groups?.delete(key);
    if (groups?.size === 0) this.#events.delete(event);
  }

  /** Tells one instance of each service that listens, or each instance. Never rejects. Throws ERR_OPTION. */
  tell(event: string, args: unknown[], all: boolean): Promise<Delivery[]> {
    checkEvent(event);
    const groups = [...(this.#events.get(event)?.values() ?? [])];
    return Promise.all(
      groups.flatMap(({ service, members }) => {
        const each = [...members.values()];
        const some = all ? each.map((member) => [member]) : [each];
        return some.map((of) => this.#tellOne(of, service, args));
      }),
    );
  }

  /** Tells one of some, and the next one only as long as none can have heard it. */
  async #tellOne(
    members: readonly Member[],
    service: string | undefined,
    args: unknown[],
  ): Promise<Delivery> {
    let last: Error | undefined;
    for (let left = members; left.length > 0;) {
      const member = left.reduce(best);
      last = await this.#tell(member, args);
      if (last === undefined || !isUnheard(last)) break;
      left = left.filter((each) => each !== member);
    }
    return last === undefined ? { service } : { service, error: last };
  }

  async #tell({ peer, listeners }: Member, args: unknown[]): Promise<Error | undefined> {
    if (peer.telling >= this.#most) {
      const text = `${this.#most} events are on their way to this peer`;
      return new DserviceError('ERR_BUSY', text, { mayHaveRun: false });
    }
    peer.telling++;
    peer.told = ++this.#told;
    const calls = [...listeners.keys()].map((listener) => listener.call([args], given));
    const found = await Promise.allSettled(calls);
    peer.telling--;
    // None is left where all were taken away while others were told.
    const errors = found.length === 0 ? [takenAway()] : found.flatMap(errorOf);
    // Where one of its listeners has heard it, the peer has.
    const heard = errors.length < found.length;
    return errors.find((error) => !isUnheard(error)) ?? (heard ? undefined : errors[0]);
  }
}

/** Throws ERR_OPTION for what is no name of an event. */
export function checkEvent(event: unknown): asserts event is string {
  if (typeof event === 'string' && event !== '' && event.length <= longestName) return;
  const text = `an event has a name: a string of 1 to ${longestName} characters`;
  throw new DserviceError('ERR_OPTION', text);
}

/** Of two, the one that shows life; then the one with less on its way; then the one that waited longer. */
function best(a: Member, b: Member): Member {
  const [one, other] = [rank(a), rank(b)];
  const at = one.findIndex((value, index) => value !== other[index]);
  return at >= 0 && (one[at] ?? 0) > (other[at] ?? 0) ? b : a;
}

function rank({ peer: { session, telling, told } }: Member): readonly number[] {
  const { away, suspect, leaving } = session;
  return [away || suspect || leaving ? 1 : 0, telling, told];
}

/** Whether an event certainly was not heard: what a listener itself says is no word on that. */
function isUnheard(error: Error): boolean {
  return DserviceError.is(error) && error.mayHaveRun === false && !isReceived(error);
}

/** The name of a service, or null. */
function isGroup(service: unknown): service is string | null {
  return service === null || (typeof service === 'string' && service.length <= 63);
}

function callableOf(listener: unknown): Callable | undefined {
  // Only remote functions carry the symbol.
  const found = listener as { readonly [callable]?: Callable } | undefined;
  return typeof found === 'function' ? found[callable] : undefined;
}

function errorOf(outcome: PromiseSettledResult<unknown>): Error[] {
  // It says so itself, where the event crossed its leaving.
  if (outcome.status === 'fulfilled') return outcome.value === false ? [takenAway()] : [];
  const reason: unknown = outcome.reason;
  return [reason instanceof Error ? reason : new Error(String(reason))];
}

function takenAway(): DserviceError {
  return new DserviceError('ERR_CLOSED', 'this listener was taken away', { mayHaveRun: false });
}

function entry<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) map.set(key, (value = make()));
  return value;
}
