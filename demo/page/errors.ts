/** What an error says of itself, whatever it is: handlers may throw anything. */
export interface Fault {
  readonly name: string;
  readonly code: string | undefined;
  readonly message: string;
  readonly mayHaveRun: boolean | undefined;
  /** What else it carries. */
  readonly rest: Readonly<Record<string, unknown>>;
}

const shown = new Set(['name', 'code', 'message', 'mayHaveRun', 'stack', 'service', 'method']);

/** Undefined for what is no error. */
export function faultOf(error: unknown): Fault | undefined {
  if (!(error instanceof Error)) return undefined;
  const fields = Object.entries(error) as [string, unknown][];
  const field = (key: string): unknown => fields.find(([name]) => name === key)?.[1];
  const [code, mayHaveRun] = [field('code'), field('mayHaveRun')];
  const rest: Record<string, unknown> = Object.fromEntries(
    fields.filter(([key]) => !shown.has(key)),
  );
  if (error.cause !== undefined) rest.cause = error.cause;
  return {
    name: error.name,
    code: typeof code === 'string' ? code : undefined,
    message: error.message,
    mayHaveRun: typeof mayHaveRun === 'boolean' ? mayHaveRun : undefined,
    rest,
  };
}

/** In a sentence, what to make of it. */
const hints: Readonly<Record<string, string>> = {
  ERR_DEADLINE: 'It gave no answer in time. Give it longer, or see whether it is busy.',
  ERR_CANCELLED: 'You have cancelled it; the service was told.',
  ERR_CONNECTION_LOST: 'The connection broke before the answer was there.',
  ERR_CLOSED: 'The service has left before it answered.',
  ERR_HEARTBEAT: 'The service shows no life any more.',
  ERR_BUSY: 'The service has too much to do at the moment. Try again.',
  ERR_METHOD: 'The service does not have that method any more.',
  ERR_DATA: 'Such a value cannot be sent.',
  ERR_LIMIT: 'That is more than one call may carry.',
};

export function hintFor({ code, mayHaveRun }: Fault): string | undefined {
  const hint = code === undefined ? undefined : hints[code];
  const ran =
    mayHaveRun === undefined
      ? undefined
      : `The method ${mayHaveRun ? 'may have run all the same' : 'did not run'}.`;
  return [hint, ran].filter((text) => text !== undefined).join(' ') || undefined;
}
