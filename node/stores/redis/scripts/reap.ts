import { ages } from './ages.js';
import { base } from './base.js';
import { leases } from './leases.js';

/**
 * Arguments: now, handle, limits, the error of those that die (JSON), how many at most, then queue and retries of each.
 * Answers due (or empty), and of each that was late: ref, queue, tries, whether it died.
 */
export const reap = String.raw`${base}${ages}${leases}
local limits, err, left = ARGV[3], ARGV[4], tonumber(ARGV[5])
local plan = {}
for at = 6, #ARGV, 2 do
  local q = queueOf(ARGV[at])
  local list, refs = {}, {}
  if left > 0 then
    local late = call('ZRANGEBYSCORE', q.w, '-inf', '(' .. string.format('%d', now + 1), 'WITHSCORES', 'LIMIT', 0, left)
    if #late == left * 2 then
      -- Those of the last moment come by token: all of them are looked at.
      local to = string.format('%d', floor(tonumber(late[#late])) + 1)
      late = call('ZRANGEBYSCORE', q.w, '-inf', '(' .. to, 'WITHSCORES')
    end
    list = leasesIn(late)
    for i = #list, left + 1, -1 do list[i] = nil end
  end
  for i, it in ipairs(list) do refs[i] = it.ref end
  local found = get('HMGET', P .. ':b', refs)
  for i, it in ipairs(list) do
    it.c = found[i] and parse(found[i])
    if not it.c then return redis.error_reply('CORRUPT ' .. it.member) end
  end
  left = left - #list
  plan[#plan + 1] = { q = q, list = list, retries = tonumber(ARGV[at + 1]) }
end
local out, died, due = { '' }, false, math.huge
for _, it in ipairs(plan) do
  local back, members, q = {}, {}, it.q
  for i, late in ipairs(it.list) do members[i] = late.member end
  each('ZREM', q.w, members)
  for _, late in ipairs(it.list) do
    local c = late.c
    c.tries = c.tries + 1
    local dead = c.tries > it.retries
    if dead then
      died = true
      die(q, late.ref, c, err)
    else
      c.err = err
      write(late.ref, c)
      back[#back + 1] = late.ref
    end
    out[#out + 1] = late.ref
    out[#out + 1] = q.name
    out[#out + 1] = c.tries
    out[#out + 1] = dead and 1 or 0
  end
  if #back > 0 then toFront(q, back) end
  local first = call('ZRANGE', q.w, 0, 0, 'WITHSCORES')
  if first[1] then due = math.min(due, math.max(0, floor(tonumber(first[2])) - now)) end
end
flush()
if died then trim(limits, call('HGET', P .. ':a', '!')) end
tell()
if due < math.huge then out[1] = string.format('%d', due) end
return out
`;
