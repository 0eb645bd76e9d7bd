/** Which path is what. */
export interface Doors {
  /** Paths at which clients connect. */
  readonly clients: readonly string[];
  /** Paths that tell how it is doing. */
  readonly health: readonly string[];
  /** What stands before the id of an instance. */
  readonly instances: readonly [string, ...string[]];
}

/** Of a server of its own. */
export function ownDoors(path: string): Doors {
  return {
    clients: [path, '/'],
    health: [path, '/health'],
    instances: ['/to/', `${path === '/' ? '' : path}/to/`],
  };
}

/** Of somebody's server: only what lies at or below the path. */
export function doorsBelow(path: string): Doors {
  const below = path === '/' ? '' : path;
  return { clients: [path], health: [path], instances: [`${below}/to/`] };
}

/** The instance that a path leads to. */
export function instanceAt(path: string, { instances }: Doors): string | undefined {
  const before = instances.find((each) => path.startsWith(each));
  if (before === undefined) return undefined;
  const id = path.slice(before.length);
  return /^[0-9a-f]{16}$/.test(id) ? id : undefined;
}
