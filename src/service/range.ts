import semver from 'semver';
import type { Matcher } from './matcher.js';

/** npm's semver. */
export const semverMatcher: Matcher = {
  version: (text) => semver.valid(text) ?? undefined,
  isRange: (text) => semver.validRange(text) !== null,
  satisfies: (version, range) => semver.satisfies(version, range),
  compare: (a, b) => semver.compare(a, b),
};
