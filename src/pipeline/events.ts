import type { DserviceError } from '../errors.js';

/** Which command an event is about. */
export interface About {
  readonly id: string;
  readonly key: string | undefined;
  readonly queue: string;
}

/** What a pipeline tells, of what was done through it: each once the store has it. */
// A type, since an interface has no index signature.
// oxlint-disable-next-line typescript/consistent-type-definitions -- an event map
export type PipelineEvents = {
  pushed: [About];
  started: [About & { readonly attempt: number }];
  /** `delay`: ms until it is tried again. */
  retried: [
    About & { readonly attempt: number; readonly delay: number; readonly error: Error | undefined },
  ];
  /** `queue` is where it was, `to` where it is. */
  moved: [About & { readonly attempt: number; readonly to: string }];
  /** `children`: the ids of the commands that it became. */
  finished: [About & { readonly attempt: number; readonly children: readonly string[] }];
  dead: [About & { readonly attempt: number; readonly error: Error }];
  /** Somebody else has the command, or had: what this run came to does not count. */
  leaseLost: [About & { readonly attempt: number }];
  /** The store cannot be used; it is tried again and again. */
  degraded: [DserviceError];
  recovered: [];
  /** What a listener of these events threw. */
  error: [unknown];
};
