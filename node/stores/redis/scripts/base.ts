/** The first argument of a script that is to be known, and not to be done. */
export const loading = 'load';

/**
 * What the scripts have in common. Of a partition, `P` being the first key, `{pipeline:n}` in it:
 *
 * - `P` hash: `version`, `partitions`, `seq` (counts what needs an order).
 * - `P:b` hash: ref → record of a command in flight. Its text: whether the id was given (0, 1), when it was pushed
 *   (13 digits), then, with a unit separator between: tries, queue, key (empty, or `=` and the key), error (JSON), where
 *   it waits, body.
 * - `P:i:queue` list: refs of `input`. `P:w:queue` sorted set: `token:ref` of `working`, by deadline and, in 4096ths of
 *   a millisecond, the place in the claim. `P:d:queue` sorted set: who waits, by when it is due; members have a number,
 *   in whose order those of one moment come in, `o` (outside: it takes its place when it is due) or `r` (retry), and ref.
 * - `P:k:queue` hash: key → how many are in its line. `P:l:queue␟key` list: who is held, only where somebody is.
 *   `P:c:queue` sorted set: keys that hold somebody, in the order in which they began to. `P:h` hash: queue → held.
 * - `P:x` hash: ref → record of the dead, which has when it died in place of where it waits; `P:y` sorted set: their order.
 * - `P:f` hash: ref → moment and children of the finished; `P:g` list: `moment:ref`, their order.
 * - `P:a` hash: receipts. `P:s` sorted set: workers by when they were last seen, within a minute.
 * - `P:q` set: queues. `P:n` hash: queue → who is to be told of something in it: a handle, or `+` for several.
 *   Beside queues `*` is anything, and the empty string the end of a command. `P:r:queue` hash: window of a rate.
 *
 * What is written is gathered, by queue, and written by `flush`: one variadic call instead of one for each command.
 */
export const base = String.raw`
if ARGV[1] == 'load' then return 1 end
local P, call, S = KEYS[1], redis.call, '\31'
local sub, find, match, floor = string.sub, string.find, string.match, math.floor
local now = tonumber(ARGV[1])
if not now then
  local t = call('TIME')
  now = t[1] * 1000 + floor(t[2] / 1000)
end
now = floor(now)
local handle = ARGV[2]
local most = 4000
-- Small sets and hashes are lists to Redis, gone through for each member: slow from some dozens on. Something long that
-- comes first, and is taken out again, has it keep them as what they are, for as long as they are not empty.
local many, long = 16, string.rep('-', 70)

-- What the operation changes: by ref a record, or false for who is gone.
local records = {}
local finishedOf = {}
local queues, ended = {}, false

local function each(command, key, list)
  local n = #list
  if n == 0 then return end
  if n <= most then return call(command, key, unpack(list)) end
  for i = 1, n, most do call(command, key, unpack(list, i, math.min(i + most - 1, n))) end
end

local function get(command, key, fields)
  local n = #fields
  if n == 0 then return {} end
  if n <= most then return call(command, key, unpack(fields)) end
  local all = {}
  for i = 1, n, most do
    local some = call(command, key, unpack(fields, i, math.min(i + most - 1, n)))
    for j = 1, #some do all[i + j - 1] = some[j] end
  end
  return all
end

local function queueOf(name)
  local q = queues[name]
  if not q then
    q = { name = name, i = P .. ':i:' .. name, w = P .. ':w:' .. name, d = P .. ':d:' .. name,
      front = {}, back = {}, late = {}, keys = {}, held = 0, soonest = math.huge }
    queues[name] = q
  end
  return q
end

local function parse(record)
  local tries, queue, key, err, wait, body =
    match(record, '^(%d+)\31([^\31]*)\31([^\31]*)\31([^\31]*)\31([^\31]*)\31(.*)$', 15)
  if not tries then return nil end
  return { head = sub(record, 1, 14), tries = tonumber(tries), queue = queue, key = key, err = err,
    wait = wait, body = body }
end

local function write(ref, c)
  records[ref] = c.head .. c.tries .. S .. c.queue .. S .. c.key .. S .. c.err .. S .. c.wait .. S .. c.body
end

local function lined(q, key)
  local n = q.keys[key]
  if not n then
    n = tonumber(call('HGET', P .. ':k:' .. q.name, key) or 0)
    q.keys[key] = n
  end
  return n
end

local function line(q, key) return P .. ':l:' .. q.name .. S .. key end

-- Comes to the end, held where somebody has its key.
local function enter(q, ref, key)
  q.entered = true
  if key ~= '' then
    local n = lined(q, key) + 1
    q.keys[key] = n
    if n > 1 then
      call('RPUSH', line(q, key), ref)
      if n == 2 then call('ZADD', P .. ':c:' .. q.name, call('HINCRBY', P, 'seq', 1), key) end
      q.held = q.held + 1
      return
    end
  end
  q.back[#q.back + 1] = ref
end

-- Who holds a key lets it go: who is next in line comes to the end.
local function release(q, key)
  if key == '' then return end
  local n = lined(q, key) - 1
  q.keys[key] = n
  if n < 1 then return end
  if n == 1 then call('ZREM', P .. ':c:' .. q.name, key) end
  q.held = q.held - 1
  q.back[#q.back + 1] = call('LPOP', line(q, key))
  q.entered = true
end

-- Waits; what its record has of it.
local function later(q, ref, delay, how)
  local wait = string.format('%012d', call('HINCRBY', P, 'seq', 1)) .. how
  local at = floor(now + delay)
  q.soonest = math.min(q.soonest, at - now)
  q.late[#q.late + 1] = at
  q.late[#q.late + 1] = wait .. ref
  q.entered = true
  return wait
end

local function toFront(q, refs)
  for i = #refs, 1, -1 do q.front[#q.front + 1] = refs[i] end
  q.entered = true
end

-- What is due comes in, 256 at a time; ms until the next one is.
local function promote(q)
  -- What has come to wait since it was looked at, by this operation, is not due.
  if q.due and q.due > 0 then return math.min(q.due, q.soonest) end
  local first = call('ZRANGE', q.d, 0, 0, 'WITHSCORES')
  q.due = first[1] and first[2] - now or math.huge
  if q.due > 0 then return math.min(q.due, q.soonest) end
  local due = call('ZRANGEBYSCORE', q.d, '-inf', now, 'LIMIT', 0, 256)
  call('ZREM', q.d, unpack(due))
  local again, outside = {}, {}
  for _, member in ipairs(due) do
    local to = sub(member, 13, 13) == 'r' and again or outside
    to[#to + 1] = sub(member, 14)
  end
  toFront(q, again)
  local found = get('HMGET', P .. ':b', outside)
  for i, ref in ipairs(outside) do
    local record = records[ref] or found[i]
    enter(q, ref, record and match(record, '^%d+\31[^\31]*\31([^\31]*)', 15) or '')
  end
  first = call('ZRANGE', q.d, 0, 0, 'WITHSCORES')
  q.due = first[1] and math.max(0, first[2] - now) or math.huge
  return math.min(q.due, q.soonest)
end

local function flushQueue(q)
  each('LPUSH', q.i, q.front)
  each('RPUSH', q.i, q.back)
  each('ZADD', q.d, q.late)
  local set, gone = {}, {}
  for key, n in pairs(q.keys) do
    if n > 0 then
      set[#set + 1] = key
      set[#set + 1] = n
    else gone[#gone + 1] = key end
  end
  each('HSET', P .. ':k:' .. q.name, set)
  each('HDEL', P .. ':k:' .. q.name, gone)
  if q.held ~= 0 and call('HINCRBY', P .. ':h', q.name, q.held) == 0 then call('HDEL', P .. ':h', q.name) end
  q.front, q.back, q.late, q.keys, q.held = {}, {}, {}, {}, 0
end

local function flush()
  local set, gone = {}, {}
  for ref, record in pairs(records) do
    if record then
      set[#set + 1] = ref
      set[#set + 1] = record
    else gone[#gone + 1] = ref end
  end
  records = {}
  if #set >= many * 2 then
    set[#set + 1] = ''
    set[#set + 1] = long
    gone[#gone + 1] = ''
  end
  each('HSET', P .. ':b', set)
  each('HDEL', P .. ':b', gone)
  for _, q in pairs(queues) do flushQueue(q) end
end

-- Ends in the list of the dead.
local function die(q, ref, c, err)
  release(q, c.key)
  records[ref] = false
  c.err, c.wait = err, string.format('%d', now)
  call('HSET', P .. ':x', ref,
    c.head .. c.tries .. S .. c.queue .. S .. c.key .. S .. c.err .. S .. c.wait .. S .. c.body)
  call('ZADD', P .. ':y', call('HINCRBY', P, 'seq', 1), ref)
  ended = true
end

-- Tells those who wait for one of these queues, or for an end, or for anything: once.
local function tell()
  local names, fields = {}, {}
  for name, q in pairs(queues) do
    if q.entered then names[#names + 1] = name end
  end
  each('SADD', P .. ':q', names)
  if #names == 0 and not ended then return end
  for i, name in ipairs(names) do fields[i] = 'q' .. name end
  if ended then fields[#fields + 1] = 'e' end
  fields[#fields + 1] = '*'
  local gone, told = {}, false
  for i, who in ipairs(get('HMGET', P .. ':n', fields)) do
    if who and who ~= handle then
      told = true
      gone[#gone + 1] = fields[i]
    end
  end
  if not told then return end
  each('HDEL', P .. ':n', gone)
  call('PUBLISH', P, handle)
end

local function await(fields)
  local set = {}
  for i, who in ipairs(get('HMGET', P .. ':n', fields)) do
    if who ~= handle and who ~= '+' then
      set[#set + 1] = fields[i]
      set[#set + 1] = who and '+' or handle
    end
  end
  each('HSET', P .. ':n', set)
end
`;
