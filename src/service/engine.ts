import type { Channel, ChannelPeer } from '../channel/channel.js';
import type { Clock } from '../clock.js';
import { DserviceError } from '../errors.js';
import type { Limits } from '../limits.js';
import type { Codec } from '../protocol/codecs.js';
import type { Api } from '../protocol/api.js';
import type { Authorize } from '../protocol/authorize.js';
import type { ContextScope } from '../protocol/context.js';
import type { Question } from '../protocol/controls.js';
import type { Gates } from '../protocol/gates.js';
import type { Interceptors } from '../protocol/intercept.js';
import type { Identity } from '../protocol/hello.js';
import type { SessionObserver } from '../protocol/observer.js';
import type { Callable, CallOptions } from '../protocol/options.js';
import type { SessionHandle } from '../protocol/session-handle.js';
import type { Authenticate } from '../protocol/session-options.js';
import type { Session } from '../protocol/session.js';
import type { Logger } from './logger.js';

/** What whoever serves lends an engine: options of the service, with what its runtime has. */
export interface EngineHost {
  readonly clock: Clock;
  /** Runs a handler so that `context()` finds its call. */
  readonly scope: ContextScope;
  readonly limits: Limits;
  /** Decides who is let in, before anything is run for a peer. */
  readonly authenticate?: Authenticate | undefined;
  /** Decides of each call whether it may run: true, or a promise of true. An engine asks before it runs one. */
  readonly authorize?: Authorize | undefined;
  /** What stands around calls: an engine has those that it serves pass, once they are authorized. */
  readonly intercept?: Interceptors | undefined;
  /** Whether all handlers take callbacks, or none does, where it is not to be told from each. */
  readonly callbacks?: boolean | undefined;
  /** Whether errors carry their stack to callers. */
  readonly stacks?: boolean | undefined;
  /** How instances of classes travel, where both sides have codecs of the same names: docs/values.md. */
  readonly codecs?: readonly Codec[] | undefined;
  /** Which instance of which service is served, and how often a chain of calls may come back to it. */
  readonly service?: Identity | undefined;
  readonly maxVisits?: number | undefined;
  /** The gates of methods that say how many of their calls run at once, over all engines. */
  readonly gates?: Gates | undefined;
  /** Where failures go that no caller is to hear of. */
  readonly logger?: Logger | undefined;
  /** Makes who watches a session: to be asked for each call that is served. */
  readonly observe?: ((session: SessionHandle) => SessionObserver) | undefined;
}

/**
 * How a service is spoken. `dnode` is the built-in one; a service is served by all that it has at once,
 * and the scheme of an endpoint names the one by which it is called.
 */
export interface Engine {
  /** Lower-case letters: what the option `engines` takes for those of the runtime. */
  readonly name: string;
  /** The schemes of the endpoints that it dials, without the colon. */
  readonly schemes: readonly string[];
  /**
   * Serves an api from now on. Throws ERR_API, ERR_NAME for one that it cannot serve; nothing else is
   * told by throwing. Absent where it only calls.
   */
  serve?(api: Api, host: EngineHost): EngineServer;
  /**
   * Connects, and resolves when calls can be made. Rejects with ERR_ENDPOINT, ERR_OPTION, ERR_AUTH,
   * ERR_CONNECT, ERR_TIMEOUT (within `timeout` ms) or the signal's reason. Absent where it only serves.
   */
  dial?(endpoint: string, options: EngineDial): Promise<EngineSession>;
}

/**
 * The serving side. What comes in at the service's own port is offered to its engines in their order, and
 * belongs to the first that takes it.
 *
 * A handler that fails is its caller's to hear of; what fails with no caller goes to the logger. Nothing
 * throws, and no promise rejects. The order of an end: listeners are closed to newcomers, `drain` lets what
 * runs and what was under way finish, `close` ends what is left. Either may come without the other, and
 * `close` more than once.
 */
export interface EngineServer {
  /** Where it is reached beside the service's own port, once `listen` has resolved. */
  readonly endpoints?: readonly string[];
  /** Who is connected, by sessions of dnode. */
  readonly sessions?: ReadonlySet<Session>;
  /** Listens in a place of its own; where there is none, it is absent. Rejects with ERR_LISTEN, ERR_OPTION. */
  listen?(): Promise<void>;
  /** Takes a connection. It is the engine's from here on. */
  accept?(channel: Channel): void;
  /**
   * Answers one request; undefined where it is not for this engine. A promise of undefined: there will be no
   * answer, and its connection ends.
   */
  answer?(exchange: Exchange): Promise<Answer | undefined> | undefined;
  /** Serves another api from now on; calls that run go on. Throws ERR_API, ERR_NAME. */
  announce(api: object): void;
  /** Resolves when nobody is waited for who has lost a connection: till then, who drains goes on listening. */
  allBack?(): Promise<void>;
  /** Resolves when nothing runs any more, or after `time` ms. What comes meanwhile is still served. */
  drain(time: number): Promise<void>;
  /** Ends everything at once: the signals of handlers fire, and their outcomes reach nobody. */
  close(): void;
}

/** One HTTP request that passed the guard of "One port", where its answer goes. */
export interface Exchange {
  readonly method: string;
  /** With the query, as it was sent. */
  readonly url: string;
  /** Transport `http` or `https`. */
  readonly peer: ChannelPeer;
  /** A header's value, by its name in lower case; undefined where it is absent, or given twice. */
  header(name: string): string | undefined;
  /**
   * Reads the body, as UTF-8. Called at most once. Rejects with ERR_LIMIT (it has more bytes than a line
   * may), ERR_BUSY (too much is being read for others), ERR_MALFORMED (no UTF-8), and ERR_CONNECTION_LOST.
   */
  text(): Promise<string>;
  /** Called once, if the caller goes away before it has its answer: nobody will read it then. */
  onGone(listener: () => void): void;
}

/** Where an answer goes that is written piece by piece. */
export interface Outlet {
  /** Takes a piece. */
  write(text: string): void;
  /** Bytes taken that have not left. */
  readonly buffered: number;
  /** Ends the answer, once what was written has left. */
  end(): void;
  /** Cuts it off, so that its reader knows that it is not whole. */
  destroy(): void;
}

/** What is answered to a request. */
export interface Answer {
  readonly status: number;
  /** Media type and content; none where there is none to be sent. */
  readonly body?: readonly [type: string, text: string];
  /**
   * In place of a body: media type, and what writes the content piece by piece. It is called once, and what it
   * returns each time there is room again.
   */
  readonly stream?: readonly [type: string, begin: (outlet: Outlet) => () => void];
  readonly headers?: Readonly<Record<string, string>>;
}

/** What a caller lends an engine. */
export interface EngineDial {
  readonly clock: Clock;
  readonly scope: ContextScope;
  readonly limits: Limits;
  /** Milliseconds until it gives up. */
  readonly timeout: number;
  readonly signal?: AbortSignal | undefined;
  /** What the other side may call here, where the engine has such a way. */
  readonly api?: Api | undefined;
  readonly auth?: unknown;
  /** Decides of each call that comes back whether it may run. */
  readonly authorize?: Authorize | undefined;
  /** What stands around calls: an engine has those that it makes pass, as they are made. */
  readonly intercept?: Interceptors | undefined;
  /** Milliseconds that a call may take, where it does not say; 30,000. */
  readonly deadline?: number | undefined;
  readonly callbacks?: boolean | undefined;
  readonly stacks?: boolean | undefined;
  readonly codecs?: readonly Codec[] | undefined;
  readonly logger?: Logger | undefined;
  readonly tls?: object | undefined;
  /** Makes who watches the session: to be asked for each call. */
  readonly observe?: ((session: SessionHandle) => SessionObserver) | undefined;
}

/**
 * One instance, as its caller holds it. Nothing throws: calls reject, with `mayHaveRun` false exactly where
 * the call certainly did not run, and none stays pending beyond its deadline. `end` is told once: whoever wants
 * to go on dials again. After `close`, no call is out: those that were have rejected with ERR_CLOSED.
 */
export interface EngineSession extends SessionHandle {
  /** What the peer said of itself, where the engine has it say something: which instance it is. */
  readonly hello?: { readonly service?: Identity | undefined } | undefined;
  /** Whether it keeps the process alive. */
  hold(keep: boolean): void;
  /** While it is away, gives up the calls that may go elsewhere (`elsewhere` of a call); where it can be away. */
  yield?(): void;
  /** Asks the session itself, not the api, where it speaks as we do. Undefined: the peer cannot be asked. */
  ask?(control: Question, given: CallOptions, args?: unknown[]): Promise<unknown>;
  /** The function at a path, of a peer that does not tell what it has; else it is looked up in `remote`. */
  find?(path: readonly string[]): Callable | undefined;
}

/** The engine that dials an endpoint, if there is one. */
export function engineFor(engines: readonly Engine[], endpoint: string): Engine | undefined {
  const scheme = endpoint.slice(0, Math.max(0, endpoint.indexOf(':')));
  return engines.find(({ schemes, dial }) => dial !== undefined && schemes.includes(scheme));
}

/** The engines that an option asks for, by names of the runtime's, or as they are. Throws ERR_OPTION. */
export function chooseEngines(
  given: readonly (string | Engine)[] | undefined,
  own: readonly Engine[],
): readonly Engine[] {
  return (given ?? own).map((each) => {
    const found = typeof each === 'string' ? own.find(({ name }) => name === each) : each;
    if (found !== undefined) return found;
    const names = own.map(({ name }) => name).join(', ');
    throw new DserviceError(
      'ERR_OPTION',
      `no engine is named ${JSON.stringify(each)}, but ${names}`,
    );
  });
}
