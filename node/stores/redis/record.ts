import { DserviceError } from '../../../src/errors.js';
import type { StoredError } from '../../../src/pipeline/stored-error.js';

/** A command as it is kept: see scripts/base.ts. */
export interface Stored {
  readonly given: boolean;
  readonly pushed: number;
  readonly tries: number;
  readonly queue: string;
  readonly key: string | undefined;
  readonly error: StoredError | undefined;
  readonly body: string;
}

const between = '\u001f';

/** Throws ERR_STORE_CORRUPT. */
export function readRecord(text: string): Stored {
  const afterTries = text.indexOf(between, 14);
  const afterQueue = text.indexOf(between, afterTries + 1);
  const afterKey = text.indexOf(between, afterQueue + 1);
  const afterError = text.indexOf(between, afterKey + 1);
  const afterWait = text.indexOf(between, afterError + 1);
  const [pushed, tries] = [Number(text.slice(1, 14)), Number(text.slice(14, afterTries))];
  const order = afterTries > 14 && afterTries < afterQueue && afterQueue < afterKey;
  if (!order || afterError < afterKey || afterWait < afterError || Number.isNaN(pushed + tries)) {
    throw new DserviceError('ERR_STORE_CORRUPT', 'a command cannot be read');
  }
  return {
    given: text[0] === '1',
    pushed,
    tries,
    queue: text.slice(afterTries + 1, afterQueue),
    key: afterKey === afterQueue + 1 ? undefined : text.slice(afterQueue + 2, afterKey),
    error: readError(text.slice(afterKey + 1, afterError)),
    body: text.slice(afterWait + 1),
  };
}

/** Of a key, what stands in a record: empty where there is none. */
export function keyText(key: string | undefined): string {
  return key === undefined ? '' : `=${key}`;
}

export function errorText(error: StoredError | undefined): string {
  return error === undefined ? '' : JSON.stringify(error);
}

/** Throws ERR_STORE_CORRUPT. */
export function readError(text: string): StoredError | undefined {
  if (text === '') return undefined;
  try {
    // It was written by `errorText`.
    return JSON.parse(text) as StoredError;
  } catch (cause) {
    throw new DserviceError('ERR_STORE_CORRUPT', 'the error of a command cannot be read', {
      cause,
    });
  }
}
