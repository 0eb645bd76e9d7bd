import type { Codec } from '../protocol/codecs.js';

/**
 * What a program tells the types of its remotes, once for all of them:
 * `declare module 'dservice' { interface Register { codecs: typeof codecs } }`. Instances of classes that have a codec
 * there are instances in what callers hold; of others they hold the members.
 */
// oxlint-disable-next-line no-empty-interface, no-empty-object-type -- it is there to be added to
export interface Register {}

/** Instances of the classes with a codec. Of codecs whose class is not known by type there are none. */
export type Registered = Register extends { readonly codecs: readonly Codec<infer T>[] }
  ? unknown extends T
    ? never
    : T
  : never;
