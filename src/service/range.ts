import semver from 'semver';

/** Versions and ranges, as the facade needs them: npm's semver, or a rendezvous that knows it. */
export interface Matcher {
  /** The version in its canonical form, or undefined where it is none. */
  version(text: string): string | undefined;
  isRange(text: string): boolean;
  satisfies(version: string, range: string): boolean;
  /** Below 0 where `a` is older than `b`. */
  compare(a: string, b: string): number;
}

/** npm's semver. */
export const semverMatcher: Matcher = {
  version: (text) => semver.valid(text) ?? undefined,
  isRange: (text) => semver.validRange(text) !== null,
  satisfies: (version, range) => semver.satisfies(version, range),
  compare: (a, b) => semver.compare(a, b),
};
