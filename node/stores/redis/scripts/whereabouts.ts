/** In which state a command in flight is: what `find` and `purge` have in common, after `base`. */
export const whereabouts = String.raw`
local leases = {}
-- Who is leased in a queue: ref → member.
local function leasesOf(q)
  if not leases[q.name] then
    local all = {}
    for _, member in ipairs(call('ZRANGE', q.w, 0, -1)) do
      all[sub(member, find(member, ':', 1, true) + 1)] = member
    end
    leases[q.name] = all
  end
  return leases[q.name]
end

local function stateOf(ref, c)
  local q = queueOf(c.queue)
  if c.wait ~= '' and call('ZSCORE', q.d, c.wait .. ref) then return 'waiting' end
  if leasesOf(q)[ref] then return 'working' end
  if c.key ~= '' and call('LPOS', line(q, c.key), ref) then return 'held' end
  return 'input'
end
`;
