import { base } from './base.js';

/**
 * Takes of windows of rates what an operation may claim elsewhere, and gives back what it did not, once each. Arguments:
 * now, handle, `take` or `give`, slot, seq, then of each: queue, n, per, how many are wanted, or were claimed. Answers of
 * each: how many may be claimed, or were, and ms until more can be (or empty). The receipt has of each what was taken, and
 * when its window began.
 */
export const rate = String.raw`${base}
local mode, slot, seq = ARGV[3], ARGV[4], ARGV[5]
local receipt = call('HGET', P .. ':a', slot)
local before, state, taken = match(receipt or '', '^(%d+) (%a) (.*)$')
if before ~= seq then state, taken = '', '' end
local had, kept, out = {}, {}, {}
for count, from in string.gmatch(taken, '(%d+):(%d+)') do had[#had + 1] = { tonumber(count), tonumber(from) } end
for at = 6, #ARGV, 4 do
  local key, n, per, count = P .. ':r:' .. ARGV[at], tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
  local window = call('HMGET', key, 'from', 'used')
  local from, used = tonumber(window[1] or '') or -math.huge, tonumber(window[2] or 0)
  local i, over = #kept + 1, now >= from + per or now < from
  if over then used = 0 end
  local allowed = count
  if mode == 'take' and state == '' then
    allowed = math.min(count, math.max(0, n - used))
    if allowed > 0 then
      if over then from = now end
      used, over = used + allowed, false
      call('HSET', key, 'from', from, 'used', used)
    end
    had[i] = { allowed, math.max(0, from) }
  elseif mode == 'take' then allowed = had[i] and had[i][1] or 0
  elseif state == 't' and had[i] and had[i][2] == from and not over and had[i][1] > count then
    used = used - had[i][1] + count
    if used > 0 then call('HSET', key, 'used', used)
    else
      call('DEL', key)
      over = true
    end
  end
  kept[i] = string.format('%d:%d', had[i] and had[i][1] or 0, had[i] and had[i][2] or 0)
  out[#out + 1] = allowed
  out[#out + 1] = not over and used >= n and string.format('%d', from + per - now) or ''
end
if mode == 'give' then state = 'g' elseif state == '' then state = 't' end
call('HSET', P .. ':a', slot, seq .. ' ' .. state .. ' ' .. table.concat(kept, ' '))
return out
`;
