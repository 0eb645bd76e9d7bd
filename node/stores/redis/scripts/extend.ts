import { base } from './base.js';

/**
 * Arguments: now, handle, lease, then queue, count and so many `token:ref` of each queue. Answers `1` or `0` for each. The
 * place in the claim, a fraction of the deadline, stays.
 */
export const extend = String.raw`${base}
local deadline, at, marks, writes = floor(now + ARGV[3]), 4, {}, {}
while at <= #ARGV do
  local count, members, set = tonumber(ARGV[at + 1]), {}, {}
  for i = 1, count do members[i] = ARGV[at + 1 + i] end
  local key = P .. ':w:' .. ARGV[at]
  local scores = get('ZMSCORE', key, members)
  for i = 1, count do
    marks[#marks + 1] = scores[i] and '1' or '0'
    if scores[i] then
      set[#set + 1] = deadline + tonumber(scores[i]) % 1
      set[#set + 1] = members[i]
    end
  end
  writes[#writes + 1] = { key, set }
  at = at + 2 + count
end
for _, it in ipairs(writes) do each('ZADD', it[1], it[2]) end
return table.concat(marks)
`;
