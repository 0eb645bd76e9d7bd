/**
 * Every code this package throws, rejects or reports with. Codes are stable, messages are not.
 * Each has a heading in docs/errors.md.
 */
export type ErrorCode =
  // what the user gave
  | 'ERR_NAME'
  | 'ERR_VERSION'
  | 'ERR_RANGE'
  | 'ERR_ENDPOINT'
  | 'ERR_OPTION'
  | 'ERR_API'
  | 'ERR_DATA'
  | 'ERR_STATE'
  // the wire
  | 'ERR_MALFORMED'
  | 'ERR_LIMIT'
  | 'ERR_METHOD'
  | 'ERR_REFERENCE'
  | 'ERR_RELEASED'
  | 'ERR_THENABLE'
  | 'ERR_VALIDATION'
  | 'ERR_FORBIDDEN'
  | 'ERR_BUSY'
  | 'ERR_CALL_CYCLE'
  | 'ERR_DEADLINE'
  | 'ERR_CANCELLED'
  | 'ERR_CLOSED'
  | 'ERR_CONNECTION_LOST'
  | 'ERR_HEARTBEAT'
  | 'ERR_AUTH'
  | 'ERR_BATCH'
  // reaching somebody
  | 'ERR_CONNECT'
  | 'ERR_LISTEN'
  | 'ERR_TIMEOUT'
  | 'ERR_NO_INSTANCE'
  | 'ERR_DISCOVERY'
  | 'ERR_DEPENDENCY'
  | 'ERR_DEPENDENCY_CYCLE'
  // keeping commands
  | 'ERR_STORE'
  | 'ERR_STORE_AWAY'
  | 'ERR_STORE_FULL'
  | 'ERR_STORE_READ_ONLY'
  | 'ERR_STORE_CORRUPT'
  | 'ERR_STORE_VERSION'
  | 'ERR_LEASE_LOST'
  | 'ERR_STEP';

/** What is wrong with a value, and where: of arguments, the path begins with the place among them. */
export interface Issue {
  readonly message: string;
  readonly path: readonly (string | number)[];
}

/** What an error carries beside its code and message. */
export interface ErrorDetails {
  cause?: unknown;
  /** The service that was called, `name` or `name@range`. */
  service?: string;
  /** The method that was called. */
  method?: string;
  /** Of a call: false when it certainly did not run at the callee, true when it may have. */
  mayHaveRun?: boolean;
}

// A registered symbol, so that errors of another copy of this package are recognised.
const brand = Symbol.for('dservice.error');

/** The one error class of this package. Tell errors apart by `code`, and recognise them by `DserviceError.is`. */
export class DserviceError extends Error {
  override readonly name = 'DserviceError';
  readonly code: ErrorCode;
  // Declared alone: an error that has none of them does not show them, as undefined, where it is printed.
  declare service?: string;
  declare method?: string;
  declare mayHaveRun?: boolean;
  /** Of ERR_VALIDATION: what was wrong with the arguments. */
  declare issues?: readonly Issue[];

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, 'cause' in details ? { cause: details.cause } : undefined);
    this.code = code;
    Object.defineProperty(this, brand, { value: true });
    if (details.service !== undefined) this.service = details.service;
    if (details.method !== undefined) this.method = details.method;
    if (details.mayHaveRun !== undefined) this.mayHaveRun = details.mayHaveRun;
  }

  /** Whether `value` is a DserviceError of this or of any other copy of the package. */
  static is(value: unknown): value is DserviceError {
    return typeof value === 'object' && value !== null && brand in value;
  }
}
