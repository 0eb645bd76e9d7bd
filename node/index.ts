import { contextOf, type CallContext } from '../src/protocol/context.js';
import { makeDial } from '../src/service/dial.js';
import { makeServe } from '../src/service/serve.js';
import { makeDservice } from '../src/service/dservice.js';
import { makeBatch } from '../src/http/batch.js';
import { makeEvents } from '../src/http/events.js';
import { nodeClock } from './clock.js';
import { nodePost } from './post.js';
import { nodeRuntime } from './runtime.js';

export { memoryDiscovery, MemoryNetwork } from '../src/discovery/memory.js';
export { mergeDiscoveries } from '../src/discovery/merge.js';
export { staticDiscovery } from '../src/discovery/static.js';
export { DserviceError, type ErrorCode } from '../src/errors.js';
export { Exposed } from '../src/protocol/exposed.js';
export { codec, type Codec, type CodecOf } from '../src/protocol/codecs.js';
export { method } from '../src/protocol/method.js';
export type { MethodOptions } from '../src/protocol/method-options.js';
export { options, type CallOptions } from '../src/protocol/options.js';
export { describe } from '../src/service/describe.js';
export { sessionOf } from '../src/service/dial.js';
export { everyone, type Everyone, type Outcome, type Outcomes } from '../src/service/everyone.js';
export { health } from '../src/service/health.js';
export { onBroken } from '../src/service/on-broken.js';
export { set } from '../src/service/set.js';
export { transfer } from '../src/protocol/transfer.js';

export type * from '../src/service/public-types.js';
export type { Batched, BatchOptions } from '../src/http/batch.js';
export type { EventsOptions } from '../src/http/events.js';
export {
  fetchHandler,
  type FetchHandler,
  type FetchHandlerOptions,
} from '../src/http/fetch-handler.js';
export { jsonRpc } from './jsonrpc.js';
export { mdns } from './mdns/mdns.js';
export { rendezvous, type Rendezvous, type RendezvousStats } from './rendezvous/rendezvous.js';
export type { RendezvousOptions } from './rendezvous/options.js';
export type { HubLimits } from '../src/rendezvous/hub-limits.js';

/**
 * Serves and calls by name: `dservice('greeter@1.2.0', api).start()`, `dservice().connect('greeter@^1')`.
 * Throws ERR_NAME, ERR_VERSION, ERR_API, ERR_OPTION.
 */
const dservice = makeDservice(nodeRuntime);
export default dservice;

export const serve = makeServe(nodeRuntime);
export const dial = makeDial(nodeRuntime);
/** Calls by HTTP, without a socket: all of one turn of the event loop leave in one request. */
export const batch = makeBatch({
  ...{ clock: nodeClock, scope: nodeRuntime.scope, observer: nodeRuntime.observer },
  ...{ decodeText: nodeRuntime.decodeText },
  post: (options) => nodePost(options, nodeClock),
  later: (fn) => void setImmediate(fn),
});

/** A channel where no socket passes, by Server-Sent Events and POSTs: `dial(events('http://…'))`. */
export const events = makeEvents(nodeClock, (url, options) => fetch(url, options));

/** The context of the call that is being served, also after an await. Throws ERR_STATE outside of a handler. */
export const context = (): CallContext => contextOf(nodeRuntime.scope);
