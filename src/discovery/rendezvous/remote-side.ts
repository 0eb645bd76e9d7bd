import { DserviceError } from '../../errors.js';
import type { AnyFunction } from '../../protocol/encode.js';
import { isRecord } from '../../protocol/message.js';
import { dispose, options } from '../../protocol/options.js';

/** The far side of a dial, wherever it is, as the near one holds it. Nothing here throws. */
export interface FarSide {
  /** Resolves when it was taken. Rejects where it will not be. */
  receive(text: string, more: boolean): Promise<unknown>;
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
  const control = new AbortController();
  const patient = { deadline: Infinity, signal: control.signal };
  const take = options(receive, patient);
  const finish = options(end, patient);
  const release = (): void => {
    for (const fn of [receive, end, signal]) releaseFunction(fn);
  };
  return {
    receive: (text, more) => settled(take(text, more)),
    end: () => settled(finish()).catch(() => {}),
    signal: (data) => void settled(signal(data)).catch(() => {}),
    release,
    drop(reason) {
      control.abort();
      if (reason !== undefined) settled(end(reason)).catch(() => {});
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

function settled(outcome: unknown): Promise<unknown> {
  return Promise.resolve(outcome);
}
