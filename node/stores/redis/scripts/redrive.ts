import { ages } from './ages.js';
import { base } from './base.js';

/** Arguments: now, handle, limits, queue (or empty), whether tries become 0 (1), refs. Answers how many. */
export const redrive = String.raw`${base}${ages}
forgetOld(ARGV[3])
local to, reset = ARGV[4], ARGV[5] == '1'
local plan, done = {}, {}
for i = 6, #ARGV do
  local record = not done[ARGV[i]] and call('HGET', P .. ':x', ARGV[i])
  if record then
    done[ARGV[i]] = true
    local c = parse(record)
    if not c then return redis.error_reply('CORRUPT ' .. ARGV[i]) end
    plan[#plan + 1] = { ref = ARGV[i], c = c }
  end
end
for _, it in ipairs(plan) do
  local ref, c = it.ref, it.c
  call('HDEL', P .. ':x', ref)
  call('ZREM', P .. ':y', ref)
  if reset then c.tries = 0 end
  if to ~= '' then c.queue = to end
  c.wait = ''
  local q = queueOf(c.queue)
  promote(q)
  enter(q, ref, c.key)
  write(ref, c)
end
flush()
setAge(ARGV[3])
tell()
return #plan
`;
