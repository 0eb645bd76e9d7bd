import type { Socket } from 'node:net';
import type { Clock } from '../../src/clock.js';

/** Some dnode clients of old wait for the server's `methods`: after this long, silence means one. */
const silence = 500;
/** Milliseconds by which a timer is late where this process, or its machine, had no time for anybody. */
const busy = 50;
/** So often at most silence is waited for anew: within the time that a handshake may take. */
const most = 8;

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
  let stop = (): void => {};
  const listen = (left: number): void => {
    const began = clock.now();
    const silent = (): void => {
      // A timer counts from where its turn began, which may have taken long; and who was kept waiting may have had
      // no time to speak. Neither was silence.
      const passed = clock.now() - began;
      const heard = passed >= silence - 1 && passed <= silence + busy;
      if (!heard && left > 0) return listen(left - 1);
      // What came meanwhile is read before the second timer.
      stop = clock.after(1, () => decide('dnode'), true);
    };
    stop = clock.after(silence, silent, true);
  };
  listen(most);
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
