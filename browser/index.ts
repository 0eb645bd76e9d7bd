import { contextOf, type CallContext } from '../src/protocol/context.js';
import { makeDial } from '../src/service/dial.js';
import { makeServe } from '../src/service/serve.js';
import { makeDservice } from '../src/service/dservice.js';
import { systemClock } from '../src/clock.js';
import { makeBatch } from '../src/http/batch.js';
import { makeEvents } from '../src/http/events.js';
import { batchRuntime } from './batch-runtime.js';
import { browserRuntime } from './runtime.js';
import { browserServiceRuntime } from './service-runtime.js';

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

export type { Batched, BatchOptions } from '../src/http/batch.js';
export type { EventsOptions } from '../src/http/events.js';
export {
  fetchHandler,
  type FetchHandler,
  type FetchHandlerOptions,
} from '../src/http/fetch-handler.js';
export { connections } from './connections.js';
export { jsonRpc } from './jsonrpc.js';
export { type Shared, type ShareOptions, shareRendezvous } from './share.js';
export { windowPeer, windows } from './windows.js';

export type * from '../src/service/public-types.js';

/**
 * Serves and calls by name: `dservice('tab', api).start()`, `dservice().connect('greeter@^1')`, by way of a
 * rendezvous: the page's own origin's, or `{ rendezvous: 'wss://…' }`. Throws ERR_NAME, ERR_VERSION, ERR_API,
 * ERR_OPTION.
 */
const dservice = /* @__PURE__ */ makeDservice(/* @__PURE__ */ browserServiceRuntime());
export default dservice;

export const serve = /* @__PURE__ */ makeServe(browserRuntime);
export const dial = /* @__PURE__ */ makeDial(browserRuntime);
/** Calls by HTTP, without a socket: all of one turn of the event loop leave in one request. */
export const batch = /* @__PURE__ */ makeBatch(/* @__PURE__ */ batchRuntime());

/** A channel where no socket passes, by Server-Sent Events and POSTs: `dial(events('https://…'))`. */
export const events = /* @__PURE__ */ makeEvents(systemClock, (url, options) =>
  fetch(url, options),
);

/** The context of the call that is being served, until its first await. Throws ERR_STATE outside of a handler. */
export const context = (): CallContext => contextOf(browserRuntime.scope);
