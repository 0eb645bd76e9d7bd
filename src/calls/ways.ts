/** What it needs of a runtime to find somebody. */
export interface Ways {
  /** An endpoint of a record as this runtime opens it, or undefined where it cannot. */
  reach(endpoint: string): string | undefined;
  /** Where a rendezvous is, if none is named. */
  home(): string | undefined;
}
