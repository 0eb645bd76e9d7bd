import type { AnyFunction } from './encode.js';
import { asKnown } from './error-value.js';
import { ofProperty } from './exposing.js';
import type { Message } from './message.js';
import type { Serving } from './serving.js';
import type { Wire } from './wire.js';

/** It takes no callback, whatever the style of the handlers. */
const letIn = Object.assign((): void => {}, { [ofProperty]: true });

/**
 * Serves a call of a method that is found once it is known that it may be called: code of the service runs on the way
 * there. Throws what the decoder throws.
 */
export function authorizeFirst(
  serving: Serving,
  wire: Wire,
  message: Message,
  name: string,
  find: () => AnyFunction,
): void {
  const { authorize, intercept } = serving.guards;
  const ask = (args: unknown[], later: Message): void => {
    // It has no outcome but that it was let in. By its id it can be cancelled until then.
    const asked = { ...later, new: undefined };
    const then = ([refusal]: readonly unknown[]): void => {
      if (refusal !== undefined) return serving.forbid(later, name, refusal);
      try {
        serving.runAs(find(), args, later, name, name, undefined, { intercept });
      } catch (error) {
        serving.refuse(message, asKnown(error));
      }
    };
    serving.runAs(letIn, args, asked, name, name, then, { authorize, unwatched: true });
  };
  if (message.results !== undefined) return serving.pipelined.fill(message, ask);
  const args = wire.decode(message, name);
  serving.whole(wire.takeWhole(), message, () => ask(args, message));
}
