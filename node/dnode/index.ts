import { Dnode as DnodeClass } from './dnode.js';
import type { DnodeOptions } from './options.js';
import type { AnyRemote, Cons, Dnode, DnodeServer, PlaceArg } from './types.js';

export type { Culling, DnodeOptions, FunctionHolder } from './options.js';
export type { AnyRemote, Cons, Dnode, DnodeServer, PlaceArg } from './types.js';

/** The module that `require('dnode')` gives. */
export interface DnodeModule {
  /** A connection, to be piped to and from a stream; or to `connect`, or to `listen`. */
  <R = AnyRemote>(cons?: Cons<R> | null, opts?: DnodeOptions | null): Dnode<R>;
  new <R = AnyRemote>(cons?: Cons<R> | null, opts?: DnodeOptions | null): Dnode<R>;
  /** `dnode().connect(…)` */
  connect<R = AnyRemote>(...place: PlaceArg<(remote: R, conn: Dnode<R>) => void>[]): Dnode<R>;
  /** `dnode().listen(…)` */
  listen<R = AnyRemote>(...place: PlaceArg<() => void>[]): DnodeServer<R>;
  readonly prototype: Dnode;
}

/**
 * dnode 1.2, for a current Node: programs written for it run unchanged. It speaks plain dnode, and
 * nothing that a peer sends ends the process.
 */
function make(cons?: unknown, opts?: DnodeOptions | null): DnodeClass {
  return new DnodeClass(cons, opts);
}

// So that what it makes is an instance of it, with or without `new`.
make.prototype = DnodeClass.prototype;
make.connect = (...place: unknown[]) => make().connect(...place);
make.listen = (...place: unknown[]) => make().listen(...place);

// The class knows events by their names alone; the interface says what each is told with.
const dnode = make as unknown as DnodeModule;

export default dnode;

export const connect = dnode.connect;
export const listen = dnode.listen;
