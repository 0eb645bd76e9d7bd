import { ages } from './ages.js';
import { base } from './base.js';
import { leases } from './leases.js';

/**
 * Arguments: now, handle, limits, state, queue (dead: or empty), where to begin, how many. Answers for each: where the
 * next one begins, ref, record, moment (or empty).
 */
export const range = String.raw`${base}${ages}${leases}
local state, name, from, count = ARGV[4], ARGV[5], tonumber(ARGV[6]), tonumber(ARGV[7])
local q, out = queueOf(name), {}
local function add(at, ref, record, moment)
  if not record then return end
  for _, it in ipairs({ at, ref, record, moment }) do out[#out + 1] = it end
end
if state == 'dead' then
  forgetOld(ARGV[3])
  setAge(ARGV[3])
  while #out < count * 4 do
    local some = call('ZRANGEBYSCORE', P .. ':y', from, '+inf', 'WITHSCORES', 'LIMIT', 0, 500)
    for i = 1, #some, 2 do
      local record = call('HGET', P .. ':x', some[i])
      from = some[i + 1] + 1
      local c = record and parse(record)
      if c and (name == '' or c.queue == name) then add(from, some[i], record, c.wait) end
      if #out >= count * 4 then return out end
    end
    if #some == 0 then return out end
  end
  return out
end
if state == 'held' then
  for _, key in ipairs(call('ZRANGE', P .. ':c:' .. name, 0, -1)) do
    local size = call('LLEN', line(q, key))
    if from < size then
      local refs = call('LRANGE', line(q, key), math.max(0, from), math.max(0, from) + count - #out / 4 - 1)
      local found = get('HMGET', P .. ':b', refs)
      for i, ref in ipairs(refs) do add(tonumber(ARGV[6]) + #out / 4 + 1, ref, found[i], '') end
    end
    from = from - size
    if #out >= count * 4 then break end
  end
  return out
end
local refs, moments, to = {}, {}, from + count - 1
if state == 'input' then refs = call('LRANGE', q.i, from, to)
elseif state == 'waiting' then
  local all = call('ZRANGE', q.d, from, to, 'WITHSCORES')
  for i = 1, #all, 2 do
    refs[#refs + 1] = sub(all[i], 14)
    moments[#refs] = all[i + 1]
  end
else
  local leases = leasesIn(call('ZRANGE', q.w, 0, -1, 'WITHSCORES'))
  for i = from + 1, math.min(to + 1, #leases) do
    refs[#refs + 1] = leases[i].ref
    moments[#refs] = string.format('%d', leases[i].deadline)
  end
end
local found = get('HMGET', P .. ':b', refs)
for i, ref in ipairs(refs) do add(from + i, ref, found[i], moments[i] or '') end
return out
`;
