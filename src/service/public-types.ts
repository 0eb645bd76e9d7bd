// The types that users of every runtime need a name for.
export type { Channel } from '../channel/channel.js';
export type { Announcement, Discovery, DiscoveryEvent } from '../discovery/discovery.js';
export type { InstanceRecord, InstanceState, Rely } from '../discovery/record.js';
export type { Issue } from '../errors.js';
export type { Limits } from '../limits.js';
export type { About, MethodInfo } from '../protocol/about.js';
export type { Api } from '../protocol/api.js';
export type { Authorize, CallRequest } from '../protocol/authorize.js';
export type { CallContext } from '../protocol/context.js';
export type {
  CallChange,
  CallInterceptor,
  Intercept,
  OutgoingCall,
  ServeChange,
  ServeInterceptor,
} from '../protocol/intercept.js';
export type { Released } from '../protocol/keeper.js';
export type { Attributes, CallEvent, ServeEvent } from '../protocol/observer.js';
export type { Peer, SessionEvents, SessionHandle } from '../protocol/session-handle.js';
export type { Authenticate } from '../protocol/session-options.js';
export type { Session } from '../protocol/session.js';
export type { TraceContext } from '../protocol/trace-context.js';
export type { Description, MethodDescription } from './describe.js';
export type { CheckResult, Health, HealthCheck, HealthStatus } from './health.js';
export type { Dialled, DialOptions } from './dial.js';
export type {
  Answer,
  Engine,
  EngineDial,
  EngineHost,
  EngineServer,
  EngineSession,
  Exchange,
  Outlet,
} from './engine.js';
export type {
  ConnectionEvent,
  InstanceEvent,
  ObservedEvents,
  Observer,
  RetryEvent,
} from './observer.js';
export type { Candidate, Pick, Picker } from './pick.js';
export type { Register } from './register.js';
export type { Remote, RemoteFunction, RemoteIterable, RemotePromise } from './remote.js';
export type { Listenable, ListenContext, Listener, Logger } from './runtime.js';
export type { Adoptable, ServeOptions } from './serve.js';
export type { Served as Server } from './served.js';
export type { ServiceConnection } from './caller.js';
export type { Service } from './service.js';
export type { Subscription } from './subscription.js';
export type { Delivery } from './subscriptions.js';
export type {
  ConnectOptions,
  FindOptions,
  Reach,
  RendezvousPlace,
  ServiceOptions,
} from './service-options.js';
