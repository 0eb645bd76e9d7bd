/** Versions and ranges, as the facade needs them: npm's semver, or a rendezvous that knows it. */
export interface Matcher {
  /** The version in its canonical form, or undefined where it is none. */
  version(text: string): string | undefined;
  /** Whether it is one, as far as is known by now. */
  isRange(text: string): boolean;
  /** False also where it is not known yet: `onLearned` tells when it is. */
  satisfies(version: string, range: string): boolean;
  /** Below 0 where `a` is older than `b`. */
  compare(a: string, b: string): number;
  /** Tells when it knows more than it did. Absent where it knows everything. */
  onLearned?(listener: () => void): () => void;
}
