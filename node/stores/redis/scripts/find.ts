import { ages } from './ages.js';
import { base } from './base.js';
import { whereabouts } from './whereabouts.js';

/**
 * Arguments: now, handle, limits, whether it waits for ends (1), refs. Answers for each: state (empty: not known), queue,
 * children or error.
 */
export const find = String.raw`${base}${ages}${whereabouts}
forgetOld(ARGV[3])
setAge(ARGV[3])
local out, refs, open = {}, {}, false
for i = 5, #ARGV do refs[#refs + 1] = ARGV[i] end
local found = get('HMGET', P .. ':b', refs)
for i, ref in ipairs(refs) do
  local state, queue, more = '', '', ''
  local c = found[i] and parse(found[i])
  if found[i] and not c then return redis.error_reply('CORRUPT ' .. ref) end
  local dead = not c and call('HGET', P .. ':x', ref)
  if c then state, queue, open = stateOf(ref, c), c.queue, true
  elseif dead then
    c = parse(dead)
    state, queue, more = 'dead', c.queue, c.err
  else
    local finished = call('HGET', P .. ':f', ref)
    if finished then state, more = 'finished', match(finished, ' (.*)$') else open = true end
  end
  out[#out + 1] = state
  out[#out + 1] = queue
  out[#out + 1] = more
end
if open and ARGV[4] == '1' then await({ 'e' }) end
return out
`;
