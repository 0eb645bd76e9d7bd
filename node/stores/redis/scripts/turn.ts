import { ages } from './ages.js';
import { base } from './base.js';

/**
 * `push` and `turn`. Arguments: now (empty: the server's), handle, whether it waits to be told (1), worker, slot, seq,
 * token, limits (dedupe, dedupeMax, deadAge, deadMax), kind (`push`, `turn`), how many wants, of each: queue, max, lease,
 * n, per. Then groups of what is alike, each with kind, count and queue:
 *
 * - `p` entries: flags; of each: ref, body and what the flags tell of: `k` key, `d` delay, `e` error; `g`: id given.
 * - `m` moves: token, next queue, flags; of each as of an entry.
 * - `f` ends without children: token; of each: ref.
 * - `r` retries: token, whether it counts (1, 0), delay; of each: ref, error (or empty).
 * - `d` deaths: token; of each: ref, error.
 * - `c` ends with children, or a move with others: token; of each: ref, count; of each child: ref, given (1, 0), queue,
 *   key, body, delay, error.
 *
 * Answers marks (a character for each entry or outcome), due (or empty), 0, and of each want refs and records. An
 * operation that was done before answers, in place of 0, the queues that it claimed of, and refs and records of each.
 */
export const turn = String.raw`${base}
local watching, worker, slot, seq, token, limits = ARGV[3] == '1', ARGV[4], ARGV[5], ARGV[6], ARGV[7], ARGV[8]
local pushing, wants = ARGV[9] == 'push', tonumber(ARGV[10])
local start = 11 + wants * 5
local day = 86400000
local B = P .. ':b'

local receipt, seen, age = unpack(call('HMGET', P .. ':a', slot, worker, '!'))
local stale = seen and tonumber(seen) <= now - day
if stale then receipt = false end
if receipt then
  local before, due, marks, names = match(receipt, '^(%d+) (%S*) ([^\31]*)(.*)$')
  if tonumber(before) > tonumber(seq) then return redis.error_reply('STATE over') end
  if before == seq then
    -- Of what was claimed then, what is still held, in its order.
    local out = { marks, due, {} }
    for name in string.gmatch(names, '\31([^\31]+)') do
      local refs, place = {}, {}
      local all = call('ZRANGE', P .. ':w:' .. name, 0, -1, 'WITHSCORES')
      for j = 1, #all, 2 do
        if sub(all[j], 1, #token + 1) == token .. ':' then
          local ref = sub(all[j], #token + 2)
          refs[#refs + 1] = ref
          place[ref] = tonumber(all[j + 1]) % 1
        end
      end
      table.sort(refs, function(a, b) return place[a] < place[b] end)
      out[3][#out[3] + 1] = name
      out[#out + 1] = refs
      out[#out + 1] = get('HMGET', B, refs)
    end
    return out
  end
end

local function fieldsOf(flags)
  local n, key, delay, err = 2
  if find(flags, 'k', 1, true) then key = n n = n + 1 end
  if find(flags, 'd', 1, true) then delay = n n = n + 1 end
  if find(flags, 'e', 1, true) then err = n n = n + 1 end
  return n, key, delay, err
end

-- What is read: records, leases, who is known.
local refs, fresh, members, refsOf = {}, {}, {}, {}
local headers = { p = 4, m = 6, f = 4, r = 6, d = 4, c = 4 }
local sizes = { f = 1, r = 2, d = 2 }
local at, last = start, #ARGV
while at <= last do
  local kind, count, name = ARGV[at], tonumber(ARGV[at + 1]), ARGV[at + 2]
  local body = at + headers[kind]
  if kind == 'p' then
    local size = fieldsOf(ARGV[at + 3])
    for i = 0, count - 1 do
      refs[#refs + 1] = ARGV[body + i * size]
      fresh[#fresh + 1] = ARGV[body + i * size]
    end
    at = body + count * size
  else
    local prefix = ARGV[at + 3] .. ':'
    local list = members[name]
    if not list then
      list, refsOf[name] = {}, {}
      members[name] = list
    end
    local of = refsOf[name]
    local size = sizes[kind] or kind == 'm' and fieldsOf(ARGV[at + 5])
    for _ = 1, count do
      local ref = ARGV[body]
      refs[#refs + 1] = ref
      list[#list + 1] = prefix .. ref
      of[#of + 1] = ref
      if kind == 'c' then
        local children = tonumber(ARGV[body + 1])
        for j = 0, children - 1 do
          local child = ARGV[body + 2 + j * 7]
          refs[#refs + 1] = child
          if child ~= ref then fresh[#fresh + 1] = child end
        end
        body = body + 2 + children * 7
      else body = body + size end
    end
    at = body
  end
end
local old, dead = {}, {}
if #refs > 0 then
  local found = get('HMGET', B, refs)
  for i = 1, #refs do old[refs[i]] = found[i] end
end
local leased, gone, keyOf = {}, {}, {}
for name, list in pairs(members) do
  local scores, of, hit, held = get('ZMSCORE', P .. ':w:' .. name, list), refsOf[name], {}, {}
  for i = 1, #list do
    if scores[i] then
      local member = list[i]
      local record = old[of[i]]
      local key = record and match(record, '^%d+\31[^\31]*\31([^\31]*)\31[^\31]*\31[^\31]*\31', 15)
      if not key then return redis.error_reply('CORRUPT ' .. member) end
      keyOf[of[i]] = key
      if not held[member] then hit[#hit + 1] = member end
      held[member] = true
    end
  end
  leased[name], gone[name] = held, hit
end

-- What is forgotten by age and by number: rarely, so that it is not made for each operation.
local function forget(after)${ages}
  if after then return trim(limits, age) end
  forgetOld(limits)
  setAge(limits)
  age = call('HGET', P .. ':a', '!')
end

-- From here on it is written. What a store that is full refuses comes first of a push, and last of a turn.
if pushing then
  call('HSET', P .. ':a', worker, now)
else
  local none = true
  for name, hit in pairs(gone) do
    if #hit > 0 then
      none = false
      each('ZREM', P .. ':w:' .. name, hit)
    end
  end
  if none then call('HDEL', P, '-') end
end
if age and now >= tonumber(age) then forget(false) end
if #fresh > 0 then
  local found = get('HMGET', P .. ':x', fresh)
  for i = 1, #fresh do dead[fresh[i]] = found[i] end
  found = get('HMGET', P .. ':f', fresh)
  for i = 1, #fresh do finishedOf[fresh[i]] = found[i] end
end

local marks, promoted = {}, {}
local function open(name)
  local q = queueOf(name)
  if not promoted[name] then
    promoted[name] = true
    promote(q)
  end
  return q
end

local function known(ref)
  local record = records[ref]
  if record == nil then record = old[ref] end
  if record then return 'k' end
  if dead[ref] then return 'd' end
  if finishedOf[ref] then return 'f' end
end

local function place(q, head, ref, key, delay, err, body)
  delay = tonumber(delay or '')
  local wait = ''
  if delay and delay > 0 then wait = later(q, ref, delay, 'o') else enter(q, ref, key or '') end
  records[ref] = head .. '0' .. S .. q.name .. S .. (key or '') .. S .. (err or '') .. S .. wait .. S .. body
end

local function new(ref, isGiven) return (isGiven and '1' or '0') .. string.format('%013d', now) end

local finished, finishing = {}, {}
local function finish(ref, children)
  if sub(records[ref] or old[ref], 1, 1) == '1' then
    local moment = string.format('%d', now)
    finishedOf[ref] = moment .. ' ' .. children
    finished[#finished + 1] = ref
    finished[#finished + 1] = finishedOf[ref]
    finishing[#finishing + 1] = moment .. ':' .. ref
  end
  records[ref] = false
  ended = true
end

local died = false
at = start
while at <= last do
  local kind, count, name = ARGV[at], tonumber(ARGV[at + 1]), ARGV[at + 2]
  local body = at + headers[kind]
  if kind == 'p' then
    local flags = ARGV[at + 3]
    local size, key, delay, err = fieldsOf(flags)
    local head = new(nil, find(flags, 'g', 1, true))
    local q = open(name)
    for i = 0, count - 1 do
      local it = body + i * size
      local ref = ARGV[it]
      local state = known(ref)
      if not state then
        place(q, head, ref, key and ARGV[it + key], delay and ARGV[it + delay], err and ARGV[it + err], ARGV[it + 1])
      end
      marks[#marks + 1] = state or 'q'
    end
    at = body + count * size
  else
    local prefix, held, q = ARGV[at + 3] .. ':', leased[name], queueOf(name)
    local size, key, delay, err
    if kind == 'm' then size, key, delay, err = fieldsOf(ARGV[at + 5]) else size = sizes[kind] end
    for _ = 1, count do
      local ref = ARGV[body]
      local member = prefix .. ref
      local mine = held[member]
      held[member] = nil
      marks[#marks + 1] = mine and '1' or '0'
      local children = kind == 'c' and tonumber(ARGV[body + 1])
      if mine then
        local record = old[ref]
        if kind == 'r' then
          local c = parse(record)
          if ARGV[at + 4] == '1' then c.tries = c.tries + 1 end
          if ARGV[body + 1] ~= '' then c.err = ARGV[body + 1] end
          local wait = tonumber(ARGV[at + 5])
          c.wait = ''
          if wait > 0 then c.wait = later(q, ref, wait, 'r') else toFront(q, { ref }) end
          write(ref, c)
        elseif kind == 'd' then
          local c = parse(record)
          c.tries = c.tries + 1
          died = true
          dead[ref] = true
          die(q, ref, c, ARGV[body + 1])
        else
          release(q, keyOf[ref])
          if kind == 'm' then
            place(open(ARGV[at + 4]), sub(record, 1, 14), ref, key and ARGV[body + key],
              delay and ARGV[body + delay], err and ARGV[body + err], ARGV[body + 1])
          elseif kind == 'f' then finish(ref, 0)
          else
            local itself = false
            for j = 0, children - 1 do
              open(ARGV[body + 4 + j * 7])
              itself = itself or ARGV[body + 2 + j * 7] == ref
            end
            if not itself then finish(ref, children) end
            for j = 0, children - 1 do
              local it = body + 2 + j * 7
              local child = ARGV[it]
              if child == ref and itself then
                itself = false
                place(queueOf(ARGV[it + 2]), sub(record, 1, 14), ref, ARGV[it + 3], ARGV[it + 5], ARGV[it + 6], ARGV[it + 4])
              elseif not known(child) then
                place(queueOf(ARGV[it + 2]), new(child, ARGV[it + 1] == '1'), child, ARGV[it + 3], ARGV[it + 5],
                  ARGV[it + 6], ARGV[it + 4])
              end
            end
          end
        end
      end
      body = body + (children and 2 + children * 7 or size)
    end
    at = body
  end
end
flush()
each('HSET', P .. ':f', finished)
each('RPUSH', P .. ':g', finishing)
if died or #finished > 0 then forget(true) end

-- Claims.
local out, due, unfilled, claimedOf, placed = { '', '', 0 }, math.huge, {}, {}, 0
for i = 1, wants do
  local w = 6 + i * 5
  local q, max, lease, n, per = queueOf(ARGV[w]), tonumber(ARGV[w + 1]), ARGV[w + 2], tonumber(ARGV[w + 3]), tonumber(ARGV[w + 4])
  local next = promote(q)
  flushQueue(q)
  local from, used = -math.huge, 0
  local allowed = max
  if n then
    local window = call('HMGET', P .. ':r:' .. q.name, 'from', 'used')
    from, used = tonumber(window[1] or '') or from, tonumber(window[2] or 0)
    if now >= from + per or now < from then from, used = now, 0 end
    allowed = math.min(max, math.max(0, n - used))
  end
  local claimed = allowed > 0 and call('LPOP', q.i, allowed) or {}
  local found, set = get('HMGET', B, claimed), {}
  if #claimed > 0 then
    local deadline, size = floor(now + lease), 0
    if #claimed >= many then set, size = { deadline, long }, 2 end
    for j = 1, #claimed do
      if found[j] then
        -- Four decimals are enough for the nearest 4096th, and shorter.
        set[size + 1] = string.format('%d.%04d', deadline, math.min(placed + j - 1, 4095) * 2.44140625 + 0.5)
        set[size + 2] = token .. ':' .. claimed[j]
        size = size + 2
      end
    end
    placed = placed + #claimed
    each('ZADD', q.w, set)
    if #claimed >= many then call('ZREM', q.w, long) end
    claimedOf[q.name] = true
    if n then call('HSET', P .. ':r:' .. q.name, 'from', from, 'used', used + #claimed) end
  end
  if n and used + #claimed >= n then due = math.min(due, from + per - now) end
  due = math.min(due, next)
  if #claimed < max then unfilled[#unfilled + 1] = 'q' .. q.name end
  out[#out + 1] = claimed
  out[#out + 1] = found
end
if watching then await(unfilled) end
tell()
out[1] = table.concat(marks)
if due < math.huge then out[2] = string.format('%d', math.max(0, math.ceil(due))) end
local kept = seq .. ' ' .. out[2] .. ' ' .. out[1]
for i = 1, wants do
  local name = ARGV[6 + i * 5]
  if claimedOf[name] then
    claimedOf[name] = nil
    kept = kept .. S .. name
  end
end
call('HSET', P .. ':a', slot, kept, worker, now)
if stale then
  for i = 0, 7 do
    for _, old in ipairs({ worker .. '/' .. i, worker .. '/' .. i .. '+', worker .. '/' .. i .. '!' }) do
      if old ~= slot then call('HDEL', P .. ':a', old) end
    end
  end
end
if not seen or now - seen > 60000 then
  call('ZADD', P .. ':s', now, worker)
  -- Workers that were not seen for a day are forgotten.
  for _, name in ipairs(call('ZRANGEBYSCORE', P .. ':s', '-inf', now - day, 'LIMIT', 0, 20)) do
    local exact = call('HGET', P .. ':a', name)
    if exact and tonumber(exact) > now - day then call('ZADD', P .. ':s', exact, name)
    else
      call('ZREM', P .. ':s', name)
      call('HDEL', P .. ':a', name)
      for i = 0, 7 do call('HDEL', P .. ':a', name .. '/' .. i, name .. '/' .. i .. '+', name .. '/' .. i .. '!') end
    end
  end
end
return out
`;
