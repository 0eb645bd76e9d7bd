/** Begins a partition, or looks what it is. Arguments: version, partitions. Answers the version and partitions it has. */
export const open = String.raw`
if ARGV[1] == 'load' then return 1 end
local P = KEYS[1]
local version, partitions = unpack(redis.call('HMGET', P, 'version', 'partitions'))
if not version then
  redis.call('HSET', P, 'version', ARGV[1], 'partitions', ARGV[2])
  return { ARGV[1], ARGV[2] }
end
return { version, partitions }
`;
