/** What a stream's values come from. */
export interface Producer {
  /** Never called while it is under way. */
  next(): Promise<IteratorResult<unknown>>;
  /** No more is wanted. What it throws is told. */
  stop(reason: unknown): unknown;
  /** It was never sent: it is its owner's again. */
  release(): void;
}

/** Where a stream's values go. */
export interface Consumer {
  write(value: unknown): Promise<unknown>;
  close(): Promise<unknown>;
  abort(reason: unknown): Promise<unknown>;
  release(): void;
}
