import { createClient } from 'redis';
import { RedisServer } from '../scripts/redis.mjs';

/**
 * A Redis of one's own with an append-only file, that is never written anew in the middle of what is measured, and
 * a client of it.
 */
export async function startRedis() {
  const server = await new RedisServer({ 'auto-aof-rewrite-percentage': 0 }).start();
  const { url } = server;
  const client = await createClient({ url }).connect();
  return {
    url,
    /** Empty, and flushing every second or always. */
    async reset(appendfsync) {
      await client.configSet('appendfsync', appendfsync);
      await client.flushAll();
    },
    /** CPU time that it has used, in µs. */
    async cpu() {
      const text = await client.info('cpu');
      const all = [...text.matchAll(/^used_cpu_(?:sys|user):(.*)$/gm)];
      return all.reduce((sum, [, seconds]) => sum + Number(seconds) * 1e6, 0);
    },
    /** Bytes that it uses. */
    async used() {
      return Number(/used_memory:(\d+)/.exec(await client.info('memory'))[1]);
    },
    async stop() {
      client.destroy();
      await server.stop();
    },
  };
}
