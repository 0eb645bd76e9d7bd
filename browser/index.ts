import { contextOf, type CallContext } from '../src/protocol/context.js';
import { makeDial } from '../src/service/dial.js';
import { makeServe } from '../src/service/serve.js';
import { makeDservice } from '../src/service/dservice.js';
import { browserRuntime } from './runtime.js';
import { browserServiceRuntime } from './service-runtime.js';

export { memoryDiscovery, MemoryNetwork } from '../src/discovery/memory.js';
export { mergeDiscoveries } from '../src/discovery/merge.js';
export { staticDiscovery } from '../src/discovery/static.js';
export { DserviceError, type ErrorCode } from '../src/errors.js';
export { Exposed } from '../src/protocol/exposed.js';
export { options, type CallOptions } from '../src/protocol/options.js';
export { sessionOf } from '../src/service/dial.js';

export type { Channel } from '../src/channel/channel.js';
export type { Announcement, Discovery, DiscoveryEvent } from '../src/discovery/discovery.js';
export type { InstanceRecord, InstanceState, Rely } from '../src/discovery/record.js';
export type { Limits } from '../src/limits.js';
export type { Api } from '../src/protocol/api.js';
export type { CallContext } from '../src/protocol/context.js';
export type { Peer, SessionEvents, SessionHandle } from '../src/protocol/session-handle.js';
export type { Authenticate } from '../src/protocol/session-options.js';
export type { Session } from '../src/protocol/session.js';
export type { Dialled, DialOptions } from '../src/service/dial.js';
export type { Candidate, Pick, Picker } from '../src/service/pick.js';
export type { Remote, RemoteFunction } from '../src/service/remote.js';
export type { Logger } from '../src/service/runtime.js';
export type { Adoptable, ServeOptions } from '../src/service/serve.js';
export type { Server } from '../src/service/server.js';
export type { Service, ServiceConnection } from '../src/service/service.js';
export type { ConnectOptions, Reach, ServiceOptions } from '../src/service/service-options.js';

/**
 * Calls by name: `dservice({ discovery }).connect('greeter@^1')`. Throws ERR_NAME, ERR_VERSION, ERR_API,
 * ERR_OPTION.
 */
const dservice = /* @__PURE__ */ makeDservice(/* @__PURE__ */ browserServiceRuntime());
export default dservice;

export const serve = /* @__PURE__ */ makeServe(browserRuntime);
export const dial = /* @__PURE__ */ makeDial(browserRuntime);

/** The context of the call that is being served, until its first await. Throws ERR_STATE outside of a handler. */
export const context = (): CallContext => contextOf(browserRuntime.scope);
