import { chmodSync, lstatSync, unlinkSync } from 'node:fs';
import { connect, type ListenOptions, type Server } from 'node:net';
import { DserviceError } from '../../src/errors.js';
import { hostPort } from '../channel/address.js';

/** Bytes of a unix socket's path; a longer one would be cut off without a word. */
const longest = process.platform === 'linux' ? 107 : 103;

/** Listens on a TCP port. Rejects with `ERR_LISTEN`. */
export async function bindPort(server: Server, host: string, port: number): Promise<void> {
  try {
    await bind(server, { host, port });
  } catch (cause) {
    throw refused(hostPort(host, port), cause);
  }
}

/**
 * Listens on a unix socket that only its owner may connect to. The file of a process that is gone is
 * replaced; where somebody listens, or the path is no socket, it rejects with `ERR_LISTEN`.
 */
export async function bindPath(server: Server, path: string): Promise<void> {
  if (Buffer.byteLength(path) > longest) {
    throw refused(path, new Error(`a path has at most ${longest} bytes here`));
  }
  const listen = (): Promise<void> => {
    const done = bind(server, { path });
    // Binding is synchronous: the file is there, and nobody has been let in.
    if (server.listening) chmodSync(path, 0o600);
    return done;
  };
  try {
    await listen();
  } catch (cause) {
    if (codeOf(cause) !== 'EADDRINUSE' || !(await isStale(path))) throw refused(path, cause);
    try {
      unlinkSync(path);
      await listen();
    } catch (again) {
      throw refused(path, again);
    }
  }
}

function bind(server: Server, options: ListenOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(options, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

/** Whether the path is a socket at which nobody listens. */
function isStale(path: string): Promise<boolean> {
  // Connecting to a plain file is refused as well, and that must not be removed.
  if (!lstatSync(path, { throwIfNoEntry: false })?.isSocket()) return Promise.resolve(false);
  return new Promise((resolve) => {
    const probe = connect(path);
    probe.once('connect', () => {
      probe.destroy();
      resolve(false);
    });
    probe.once('error', (error) => resolve(codeOf(error) === 'ECONNREFUSED'));
  });
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}

function refused(where: string, cause: unknown): DserviceError {
  const message = cause instanceof Error ? cause.message : String(cause);
  const why = codeOf(cause) === 'EADDRINUSE' ? 'it is in use' : message;
  return new DserviceError('ERR_LISTEN', `cannot listen on ${where}: ${why}`, { cause });
}
