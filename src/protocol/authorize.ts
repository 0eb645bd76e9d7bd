import { DserviceError } from '../errors.js';
import { isThenable } from './bridge.js';
import type { ContextScope, ServedCall } from './context.js';
import type { Meta } from './message.js';
import type { Peer, SessionHandle } from './session-handle.js';

/** A call that a peer wants to make. */
export interface CallRequest {
  /** The service that is called, if it has a name. */
  readonly service: string | undefined;
  /** The method of the api, by its path: `shout`, `admin.stop`. Undefined: a function that was handed over. */
  readonly method: string | undefined;
  /** The method; of a function that was handed over, where it stood; `on`, to listen to an event. */
  readonly name: string;
  /** As they came: not yet checked by schemas. */
  readonly args: readonly unknown[];
  readonly session: SessionHandle;
  readonly peer: Peer;
  readonly meta: Meta;
}

/**
 * Decides whether a call may run: true, or a promise of true. Anything else, and a throw, refuses it with
 * ERR_FORBIDDEN.
 */
export type Authorize = (call: CallRequest) => boolean | PromiseLike<boolean>;

/** A call that may be refused before it runs. */
export interface Refusable extends ServedCall {
  /** It will not run: `told` is for its caller, `detail` (the same, without it) for who serves. */
  refuse(told: DserviceError, detail?: DserviceError): void;
  /** It will not run, by a fault of the service. */
  fault(told: DserviceError, detail: DserviceError): void;
}

/**
 * Asks whether a call may run, in its context, and runs `start` if so: in this turn, where that is said at once; not
 * any more, where the call was aborted meanwhile. Never throws.
 */
export function authorizeCall(
  { authorize, scope }: { readonly authorize: Authorize; readonly scope: ContextScope },
  call: Refusable,
  request: CallRequest,
  start: () => void,
): void {
  const { name, session } = request;
  const decide = (answer: unknown): void => {
    if (answer !== true) return answer === false ? call.refuse(forbidden(name)) : unclear(answer);
    // Who decides may have ended the session.
    if (!session.ended) return start();
    const details = { method: name.slice(0, 64), mayHaveRun: false };
    call.refuse(new DserviceError('ERR_CLOSED', 'the session is closed', details));
  };
  const refuse = (cause: unknown): void => {
    const detail = forbidden(name, { cause });
    // What is no error of ours was not written for peers.
    call.refuse(DserviceError.is(cause) ? detail : forbidden(name), detail);
  };
  // Most likely it forgets to return.
  const unclear = (answer: unknown): void => {
    const text = `authorize answered ${typeof answer} and no boolean to ${name.slice(0, 64)}`;
    call.fault(forbidden(name), new DserviceError('ERR_FORBIDDEN', text));
  };
  let decided: PromiseLike<() => void> | (() => void) = () => {};
  scope.run(call, () => {
    try {
      const answer: unknown = authorize(request);
      decided = isThenable(answer)
        ? Promise.resolve(answer).then(
            (it) => () => decide(it),
            (error: unknown) => () => refuse(error),
          )
        : () => decide(answer);
    } catch (error) {
      decided = () => refuse(error);
    }
  });
  if (typeof decided === 'function') decided();
  else call.until(decided as PromiseLike<() => void>, (go) => go());
}

function forbidden(name: string, details: { cause?: unknown } = {}): DserviceError {
  const method = name.slice(0, 64);
  const text = `${method} may not be called by this peer`;
  return new DserviceError('ERR_FORBIDDEN', text, { ...details, method, mayHaveRun: false });
}
