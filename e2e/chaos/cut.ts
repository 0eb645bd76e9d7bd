import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as after } from 'node:timers/promises';
import type { RedisServer } from '../../scripts/redis.mjs';

/** ms in which all who work have asked something. */
const gathering = 60;

/**
 * Ends all connections to a Redis in such a way that what was asked is done, and the answers are lost: while it stands
 * still questions gather, and what ends the connections is the last of them. Rejects where it is not there.
 */
export async function cut(server: RedisServer): Promise<void> {
  const socket = connect(server.port, '127.0.0.1');
  const gone = new AbortController();
  socket.on('error', () => {}).once('close', () => gone.abort());
  try {
    await once(socket, 'connect', gone);
    socket.write('PING\r\n');
    await once(socket, 'data', gone);
    server.pause();
    await after(gathering);
    socket.write('CLIENT KILL TYPE normal SKIPME yes\r\n');
    await after(1);
    server.resume();
    await once(socket, 'data', gone);
  } finally {
    server.resume();
    socket.destroy();
  }
}
