/** What is forgotten by age and by number: after `base`, where that may be. */
export const ages = String.raw`
-- Forgets who is dead or finished for too long, or one too many.
local function forgetOld(limits)
  local dedupe, dedupeMax, deadAge, deadMax = match(limits, '(%S+) (%S+) (%S+) (%S+)')
  local over = call('ZCARD', P .. ':y') - tonumber(deadMax)
  for _ = 1, 10000 do
    local ref = call('ZRANGE', P .. ':y', 0, 0)[1]
    if not ref then break end
    if over <= 0 then
      local c = parse(call('HGET', P .. ':x', ref) or '')
      if c and tonumber(c.wait) > now - deadAge then break end
    end
    over = over - 1
    call('ZREM', P .. ':y', ref)
    call('HDEL', P .. ':x', ref)
  end
  over = call('HLEN', P .. ':f') - tonumber(dedupeMax)
  for _ = 1, 10000 do
    local first = call('LINDEX', P .. ':g', 0)
    if not first then break end
    local at, ref = match(first, '^(%d+):(.*)$')
    if over <= 0 and tonumber(at) > now - dedupe then break end
    call('LPOP', P .. ':g')
    -- Of one that was purged and has finished again, the later entry counts.
    local kept = call('HGET', P .. ':f', ref)
    if kept and match(kept, '^%d+') == at then
      call('HDEL', P .. ':f', ref)
      over = over - 1
    end
  end
end

-- When something is next too old, of what is here now.
local function setAge(limits)
  local dedupe, _, deadAge = match(limits, '(%S+) (%S+) (%S+) (%S+)')
  local soonest = math.huge
  local ref = call('ZRANGE', P .. ':y', 0, 0)[1]
  local c = ref and parse(call('HGET', P .. ':x', ref) or '')
  if c then soonest = c.wait + deadAge end
  local first = call('LINDEX', P .. ':g', 0)
  if first then soonest = math.min(soonest, match(first, '^%d+') + dedupe) end
  local had = tonumber(call('HGET', P .. ':a', '!') or '') or math.huge
  if soonest == had then return end
  if soonest == math.huge then call('HDEL', P .. ':a', '!')
  else call('HSET', P .. ':a', '!', soonest) end
end

-- After somebody finished or died: what is one too many goes.
local function trim(limits, age)
  local _, dedupeMax, _, deadMax = match(limits, '(%S+) (%S+) (%S+) (%S+)')
  local over = call('HLEN', P .. ':f') > tonumber(dedupeMax) or call('ZCARD', P .. ':y') > tonumber(deadMax)
  if over or age and now >= tonumber(age) then forgetOld(limits) end
  if over or not age or now >= tonumber(age) then setAge(limits) end
end
`;
