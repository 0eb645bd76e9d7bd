/**
 * Where a pipeline and its steps write to: `console`, a pino logger, or anything of the kind. An error is given first,
 * and the text after it: so both show the two of them.
 */
export interface Logger {
  // Methods, so that loggers with narrower arguments fit too.
  debug?(...data: unknown[]): void;
  info(...data: unknown[]): void;
  warn(...data: unknown[]): void;
  error(...data: unknown[]): void;
  /** Where there is one (pino's), steps write to a child with the fields of their command. */
  child?(fields: Record<string, unknown>): Logger;
}

/** A logger that says whose command it speaks of. */
export function loggerFor(logger: Logger, fields: Record<string, unknown>): Logger {
  if (typeof logger.child === 'function') return logger.child(fields);
  const about = `[${Object.values(fields).join(' ')}]`;
  const say =
    (level: 'debug' | 'info' | 'warn' | 'error') =>
    (...data: unknown[]): void =>
      logger[level]?.(about, ...data);
  return { debug: say('debug'), info: say('info'), warn: say('warn'), error: say('error') };
}
