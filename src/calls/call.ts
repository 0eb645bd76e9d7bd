/** A call whose outcome is waited for. */
export interface Call {
  readonly method: string;
  /** It was made as a plain peer's: the outcome comes by a callback. */
  readonly plain: boolean;
  /** Which of the lines that were written it is; Infinity while it waits for a promise among its arguments. */
  readonly line: number;
  fulfil(value: unknown): void;
  reject(error: unknown): void;
  /** Ends its timer, and its listener on a signal. */
  cleanup(): void;
}
