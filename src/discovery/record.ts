/** Where an instance stands. `stuck`: it cannot come up, since it waits in a circle. */
export type InstanceState = 'waiting' | 'up' | 'draining' | 'stuck';

/** A remote dependency: a name and an npm semver range. */
export interface Rely {
  readonly name: string;
  readonly range: string;
  /** An optional dependency is not waited for. */
  readonly optional?: boolean;
}

/** One running copy of a service, as a discovery tells of it. A hint: the connection, not the record, says who is alive. */
export interface InstanceRecord {
  /** Unique to the running copy: 16 hex digits, 64 random bits. */
  readonly id: string;
  /** Lower-case letters, digits, `-`, `.`; at most 63 bytes. */
  readonly name: string;
  /** An exact semver version. */
  readonly version: string;
  /** URLs, best first: `unix:/path`, `tcp://host:port`, `tls://host:port`, `ws://…`, `wss://…`. */
  readonly endpoints: readonly string[];
  readonly state: InstanceState;
  readonly relies: readonly Rely[];
  /** A hard dependency was lost after the instance came up. */
  readonly degraded?: boolean;
  /** Somebody else wrote it down: the id is not the instance's own, and a version of `0.0.0` says nothing. */
  readonly assumed?: boolean;
  /** `relies` was too long for the discovery and is empty here; the instance itself can tell. */
  readonly partial?: boolean;
}

/** Whether two records of one instance say the same. */
export function sameRecord(a: InstanceRecord, b: InstanceRecord): boolean {
  return (
    a.id === b.id &&
    a.name === b.name &&
    a.version === b.version &&
    a.state === b.state &&
    (a.degraded ?? false) === (b.degraded ?? false) &&
    (a.partial ?? false) === (b.partial ?? false) &&
    a.endpoints.join(' ') === b.endpoints.join(' ') &&
    a.relies.length === b.relies.length &&
    a.relies.every((rely, i) => {
      const other = b.relies[i];
      return (
        other !== undefined &&
        rely.name === other.name &&
        rely.range === other.range &&
        (rely.optional ?? false) === (other.optional ?? false)
      );
    })
  );
}
