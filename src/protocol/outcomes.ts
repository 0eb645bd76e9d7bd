import type { Answer } from './pipelining/kept.js';
import { discard } from './streams/outgoing.js';
import type { Wire } from './wire.js';

/** An outcome whose error cannot be sent either, as the encoder would write it. */
const unsendable =
  '[{"name":"DserviceError","message":"neither the outcome nor its error can be sent","code":"ERR_DATA"}]' +
  ',"types":{"error":[["0"]]}';

/** Encodes outcomes, also such as cannot be sent. */
export class Outcomes {
  readonly #wire: Wire;
  /** Whether the last one could be. */
  #sendable = true;

  constructor(wire: Wire) {
    this.#wire = wire;
  }

  /** As `arguments` of its message, and what they need beside them. Never throws. */
  encode(answer: Answer): string {
    this.#sendable = true;
    try {
      return this.#wire.encode(answer);
    } catch (error) {
      this.#sendable = false;
      discard(answer[1]);
      try {
        return this.#wire.encode([error]);
      } catch {
        return unsendable;
      }
    }
  }

  /** Bytes of the one that was encoded last, and has not left. Of what cannot be sent nobody knows. */
  sizeOf(encoded: string): number {
    return this.#sendable ? encoded.length + this.#wire.attachedSize : this.#wire.limits.line;
  }
}
