import type { Frame } from '../../channel/frames.js';
import { DserviceError } from '../../errors.js';
import type { AnyFunction } from '../../protocol/encode.js';
import { isRecord } from '../../protocol/message.js';
import { callable, type Callable, type CallOptions, dispose } from '../../protocol/options.js';

/** The far side of a dial, wherever it is, as the near one holds it. Nothing here throws. */
export interface FarSide {
  /** It can make a direct channel. */
  readonly direct: boolean;
  /** Resolves when it was taken. Rejects where it will not be. */
  receive(piece: Frame, more: boolean): Promise<unknown>;
  /** Nothing more follows what was sent. Resolves when that was heard, or never will be. */
  end(): Promise<unknown>;
  signal(data: unknown): void;
  /** What was sent still leaves; nothing more will be. */
  release(): void;
  /** Drops what has not left. With a reason, the side is told that it is over. */
  drop(reason?: string): void;
}

/**
 * The three functions of a peer's as a side. Throws ERR_DATA. What waits for the peer may wait for
 * ever, since the one who reads is in no hurry: `drop` ends that.
 */
export function remoteSide(value: unknown): FarSide {
  const [receive, end, signal] = ['receive', 'end', 'signal'].map((name) =>
    functionOf(value, name),
  );
  if (receive === undefined || end === undefined || signal === undefined) {
    throw new DserviceError(
      'ERR_DATA',
      'a side of a dial has the functions receive, end and signal',
      { mayHaveRun: false },
    );
  }
  const waiting = new Set<AbortController>();
  /** A call that may take for ever, until it is dropped. */
  const patiently = async (fn: AnyFunction, ...args: unknown[]): Promise<unknown> => {
    // One each: runtimes warn of a signal that many listen to.
    const control = new AbortController();
    waiting.add(control);
    try {
      return await callFunction(fn, args, { deadline: Infinity, signal: control.signal });
    } finally {
      waiting.delete(control);
    }
  };
  const release = (): void => {
    for (const fn of [receive, end, signal]) releaseFunction(fn);
  };
  return {
    direct: isRecord(value) && value.direct === true,
    receive: (piece, more) => patiently(receive, piece, more),
    end: () => patiently(end).catch(() => {}),
    signal: (data) => void callFunction(signal, [data]).catch(() => {}),
    release,
    drop(reason) {
      for (const control of waiting) control.abort();
      if (reason !== undefined) callFunction(end, [reason]).catch(() => {});
      release();
    },
  };
}

/** Lets go of a function of the peer's at once: nobody waits for the collector. */
export function releaseFunction(fn: AnyFunction): void {
  const { [dispose]: letGo } = fn as Partial<Disposable>;
  letGo?.call(fn);
}

/** A function that a peer gave in an object. */
export function functionOf(value: unknown, name: string): AnyFunction | undefined {
  const fn = isRecord(value) && Object.hasOwn(value, name) ? value[name] : undefined;
  return isFunction(fn) ? fn : undefined;
}

/** Only what came from a peer, or from the program itself, is asked: its functions take anything. */
export function isFunction(value: unknown): value is AnyFunction {
  return typeof value === 'function';
}

/** Calls a function of the peer's: as `options` does, without a view of it for each call. */
async function callFunction(
  fn: AnyFunction,
  args: unknown[],
  options?: CallOptions,
): Promise<unknown> {
  const { [callable]: behind } = fn as Partial<Record<typeof callable, Callable>>;
  return behind === undefined ? fn(...args) : behind.call(args, options);
}
