import type { Socket } from 'node:net';
import type { Clock } from '../../src/clock.js';

/** Some dnode clients of old wait for the server's `methods`: after this long, silence means one. */
const silence = 500;

const brace = 0x7b;
const isUpperCase = (byte: number): boolean => byte >= 0x41 && byte <= 0x5a;

/**
 * Waits for the first byte of a connection, leaves it in the socket, and says what it begins: a dnode
 * line, or an HTTP request. Anything else destroys the socket. Nothing is told of a socket that ended
 * before.
 */
export function sniff(
  socket: Socket,
  clock: Clock,
  told: (protocol: 'dnode' | 'http') => void,
): void {
  // What came while we were busy is read before the second timer.
  let stop = clock.after(silence, () => (stop = clock.after(1, () => decide('dnode'), true)), true);
  const first = (chunk: Buffer): void => {
    const byte = chunk[0] ?? 0;
    socket.pause();
    socket.unshift(chunk);
    if (byte === brace) decide('dnode');
    else if (isUpperCase(byte)) decide('http');
    else {
      leave();
      socket.destroy();
    }
  };
  const leave = (): void => {
    stop();
    socket.off('data', first);
    socket.off('end', leave);
    socket.off('close', leave);
  };
  const decide = (protocol: 'dnode' | 'http'): void => {
    leave();
    socket.pause();
    told(protocol);
  };
  socket.on('data', first);
  socket.on('end', leave);
  socket.on('close', leave);
}
