import type { Stream } from 'node:stream';

/** Errors by which a connection ends that was there: the peer, or the network, can cause each. */
const lost = new Set(['ECONNRESET', 'ECONNABORTED', 'EPIPE', 'ETIMEDOUT']);

export function isLost(error: unknown): boolean {
  return error instanceof Error && 'code' in error && lost.has(String(error.code));
}

/** What a pipe needs of the stream that it leads away from. */
export interface PipeSource extends Stream {
  readonly readable: boolean;
  pause(): unknown;
  resume(): unknown;
  end(): unknown;
}

/**
 * Leads what a source emits into a destination, as the pipe of old-style streams does, but for two
 * things. An `error` of the source is one of the program that is served, and nothing of the stream:
 * the pipe stays. And a lost connection that nobody listens for ends the source, not the process.
 */
export function pipe<T extends NodeJS.WritableStream>(
  source: PipeSource,
  destination: T,
  end: boolean,
): T {
  const onData = (chunk: string): void => {
    if (!destination.writable) return;
    // An old-style stream may return nothing, which is not a no.
    const room: unknown = destination.write(chunk);
    if (room === false) source.pause();
  };
  const onDrain = (): void => {
    if (source.readable) source.resume();
  };
  const onEnd = (): void => {
    stop();
    if (end) destination.end();
    else destination.off('error', onError);
  };
  const onError = (error: unknown): void => {
    stop();
    if (destination.listeners('error').some((listener) => listener !== onError)) return;
    destination.off('error', onError);
    if (isLost(error)) source.end();
    else destination.emit('error', error);
  };
  const onClose = (): void => {
    stop();
    destination.off('error', onError);
    // What was held back for it has nowhere to go, and must not hold up anybody.
    onDrain();
  };
  // An error may still come of a connection that we have ended: that one is listened for until it is closed.
  const stop = (): void => {
    source.off('data', onData);
    source.off('end', onEnd);
    destination.off('drain', onDrain);
    destination.off('close', onClose);
  };
  source.on('data', onData);
  source.on('end', onEnd);
  destination.on('drain', onDrain);
  destination.on('close', onClose);
  destination.prependListener('error', onError);
  destination.emit('pipe', source);
  return destination;
}
