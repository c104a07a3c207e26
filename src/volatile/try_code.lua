-- Counts a try of every live code and returns those that had one left. A code without is removed.
--
-- KEYS     the codes
-- ARGV[1]  how many tries a code has
-- ARGV[2]  how many of them foreign devices have
-- then     for each key 1 for a foreign device, else 0

local tries, shared = tonumber(ARGV[1]), tonumber(ARGV[2])
local found = {}

for index, key in ipairs(KEYS) do
  local foreign = ARGV[index + 2] == '1'
  for _, age in ipairs({'', 'old_'}) do
    local sealed = redis.call('HGET', key, age .. 'sealed')
    -- Foreign devices never use the last tries (denial of service).
    if sealed and (not foreign or redis.call('HINCRBY', key, age .. 'foreign', 1) <= shared) then
      if redis.call('HINCRBY', key, age .. 'tries', 1) > tries then
        redis.call('HDEL', key, age .. 'sealed')
      else
        found[#found + 1] = sealed
      end
    end
  end
end

return found
