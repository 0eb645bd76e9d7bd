/** How a call ended: `[error]`, `[null, value]` or `[]`, as it is answered. */
export type Answer = readonly unknown[];

/** The outcome of a call of the peer's, which it asked us to keep. */
export class Kept {
  answer: Answer | undefined;
  /** Bytes, about. */
  size = 0;
  /** The peer asks for it no more. What waits for it still gets it. */
  released = false;
  readonly waiting = new Set<() => void>();

  settle(answer: Answer): void {
    this.answer = answer;
    const waiting = [...this.waiting];
    this.waiting.clear();
    for (const go of waiting) go();
  }
}
