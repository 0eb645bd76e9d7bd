import { ages } from './ages.js';
import { base } from './base.js';

/**
 * Arguments: now, handle, limits. Answers how many are dead, and of each queue: name, input, held, working, waiting, ms
 * since the first of input was pushed (or empty). Queues that nothing is in are forgotten.
 */
export const counts = String.raw`${base}${ages}
forgetOld(ARGV[3])
setAge(ARGV[3])
local out = { call('ZCARD', P .. ':y') }
for _, name in ipairs(call('SMEMBERS', P .. ':q')) do
  local q = queueOf(name)
  local input, working, waiting = call('LLEN', q.i), call('ZCARD', q.w), call('ZCARD', q.d)
  local held = tonumber(call('HGET', P .. ':h', name) or 0)
  if input + held + working + waiting == 0 then call('SREM', P .. ':q', name)
  else
    local first = call('LINDEX', q.i, 0)
    local record = first and call('HGET', P .. ':b', first)
    for _, it in ipairs({ name, input, held, working, waiting,
      record and string.format('%d', math.max(0, now - sub(record, 2, 14))) or '' }) do out[#out + 1] = it end
  end
end
return out
`;
