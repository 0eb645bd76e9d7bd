import { ages } from './ages.js';
import { base } from './base.js';
import { whereabouts } from './whereabouts.js';

/** Arguments: now, handle, limits, refs. Answers how many. */
export const purge = String.raw`${base}${ages}${whereabouts}
forgetOld(ARGV[3])
setAge(ARGV[3])
local count, done = 0, {}
local function out(ref, record)
  local c = parse(record)
  local q = queueOf(c.queue)
  local state = stateOf(ref, c)
  if state == 'working' then return end
  count = count + 1
  records[ref] = false
  ended = true
  local holds = state ~= 'held'
  if state == 'waiting' then
    call('ZREM', q.d, c.wait .. ref)
    holds = sub(c.wait, 13, 13) == 'r'
  elseif state == 'input' then call('LREM', q.i, 1, ref) end
  if holds then release(q, c.key)
  elseif state == 'held' then
    call('LREM', line(q, c.key), 1, ref)
    q.held = q.held - 1
    q.keys[c.key] = lined(q, c.key) - 1
    if q.keys[c.key] == 1 then call('ZREM', P .. ':c:' .. q.name, c.key) end
  end
  -- The next one may be who has come in now.
  flush()
end
for i = 4, #ARGV do
  local ref = ARGV[i]
  if not done[ref] then
    done[ref] = true
    local record = call('HGET', P .. ':b', ref)
    if record and not parse(record) then return redis.error_reply('CORRUPT ' .. ref) end
    if record then out(ref, record)
    elseif call('HDEL', P .. ':x', ref) == 1 then
      call('ZREM', P .. ':y', ref)
      count = count + 1
    elseif call('HDEL', P .. ':f', ref) == 1 then count = count + 1 end
  end
end
tell()
return count
`;
