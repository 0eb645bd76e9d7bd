import { contextOf, type CallContext } from '../src/protocol/context.js';
import { makeDial } from '../src/service/dial.js';
import { makeServe } from '../src/service/serve.js';
import { browserRuntime } from './runtime.js';

export { DserviceError, type ErrorCode } from '../src/errors.js';
export { Exposed } from '../src/protocol/exposed.js';
export { options, type CallOptions } from '../src/protocol/options.js';
export { sessionOf } from '../src/service/dial.js';

export const serve = /* @__PURE__ */ makeServe(browserRuntime);
export const dial = /* @__PURE__ */ makeDial(browserRuntime);

/** The context of the call that is being served, until its first await. Throws ERR_STATE outside of a handler. */
export const context = (): CallContext => contextOf(browserRuntime.scope);
