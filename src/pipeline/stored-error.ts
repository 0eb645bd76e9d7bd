/** An error as it is kept with a command: text, cut to a bounded length. */
export interface StoredError {
  readonly name: string;
  readonly message: string;
  readonly code?: string;
  readonly stack?: string;
}

const longestMessage = 1_000;
const longestStack = 4_000;

/** What was thrown, which may be anything, as it is kept. Never throws. */
export function storedError(thrown: unknown): StoredError {
  try {
    if (typeof thrown !== 'object' || thrown === null) {
      return { name: 'Error', message: cut(String(thrown), longestMessage) };
    }
    const { name, message, code, stack } = thrown as Record<string, unknown>;
    return {
      name: typeof name === 'string' ? cut(name, 100) : 'Error',
      message: cut(typeof message === 'string' ? message : 'an object was thrown', longestMessage),
      ...(typeof code === 'string' || typeof code === 'number'
        ? { code: cut(String(code), 100) }
        : {}),
      ...(typeof stack === 'string' ? { stack: cut(stack, longestStack) } : {}),
    };
  } catch {
    return { name: 'Error', message: 'an error that cannot be read' };
  }
}

/** An error to hand to code that wants one. */
export function errorOf({ name, message, code, stack }: StoredError): Error {
  const error = new Error(message);
  Object.defineProperty(error, 'name', { value: name, configurable: true, writable: true });
  if (stack !== undefined) error.stack = stack;
  return code === undefined ? error : Object.assign(error, { code });
}

/** What a command is given whose worker did not answer for it in time. */
export const expired: StoredError = {
  name: 'DserviceError',
  message: 'the worker that had it was not heard of in time',
  code: 'ERR_TIMEOUT',
};

function cut(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most)}…`;
}
