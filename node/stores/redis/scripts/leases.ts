/** The order of leases: after `base`. */
export const leases = String.raw`
-- Of members and scores of working: who is leased, by deadline, token and place in the claim.
local function leasesIn(all)
  local list = {}
  for i = 1, #all, 2 do
    local token, ref = match(all[i], '^([^:]*):(.*)$')
    local score = tonumber(all[i + 1])
    list[#list + 1] = { member = all[i], token = token, ref = ref, deadline = floor(score), place = score % 1 }
  end
  table.sort(list, function(a, b)
    if a.deadline ~= b.deadline then return a.deadline < b.deadline end
    if a.token ~= b.token then return a.token < b.token end
    if a.place ~= b.place then return a.place < b.place end
    return a.ref < b.ref
  end)
  return list
end
`;
