// Queues in Redis by hand: one script claims a batch, one commits it into the next queue, item by item. No fencing,
// no receipts, no retries, no keys.
import { createClient } from 'redis';
import { command, queues } from '../three-steps.mjs';

const batch = 64;
/** ms */
const lease = 35_000;

const claim = `
local taken = {}
for i = 1, tonumber(ARGV[1]) do
  local id = redis.call('LPOP', KEYS[1])
  if not id then break end
  redis.call('ZADD', KEYS[2], ARGV[2], id)
  taken[#taken + 1] = id
  taken[#taken + 1] = redis.call('HGET', KEYS[3], id)
end
return taken`;

const commit = `
for i = 1, #ARGV, 2 do
  if redis.call('ZREM', KEYS[1], ARGV[i]) == 1 then
    if KEYS[3] then
      redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1])
      redis.call('RPUSH', KEYS[3], ARGV[i])
    else
      redis.call('HDEL', KEYS[2], ARGV[i])
    end
  end
end`;

const name = 'bare';
const input = (i) => `${name}:${queues[i]}:input`;
const working = (i) => `${name}:${queues[i]}:working`;
const bodies = `${name}:bodies`;
let client;
let waiting = 0;

export async function prepare(url, _way, count) {
  client = await createClient({ url }).connect();
  await fill(count);
  waiting = count;
}

export async function go() {
  const [claimSha, commitSha] = await Promise.all([
    client.scriptLoad(claim),
    client.scriptLoad(commit),
  ]);
  const start = performance.now();
  let done = 0;
  for (let i = 0; done < waiting; i = (i + 1) % queues.length) {
    const taken = await client.evalSha(claimSha, {
      keys: [input(i), working(i), bodies],
      arguments: [String(batch), String(Date.now() + lease)],
    });
    if (taken.length === 0) continue;
    const last = i === queues.length - 1;
    const keys = [working(i), bodies, ...(last ? [] : [input(i + 1)])];
    await client.evalSha(commitSha, { keys, arguments: taken });
    if (last) done += taken.length / 2;
  }
  const seconds = (performance.now() - start) / 1000;
  client.destroy();
  return { moves: waiting * queues.length, seconds };
}

async function fill(count) {
  for (let at = 0; at < count; at += 1_000) {
    const ids = Array.from({ length: Math.min(1_000, count - at) }, (_, i) => String(at + i));
    await Promise.all([
      client.hSet(
        bodies,
        ids.flatMap((id) => [id, JSON.stringify(command(Number(id)))]),
      ),
      client.rPush(input(0), ids),
    ]);
  }
}
