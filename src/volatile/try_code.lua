-- Counts a try of every live code and returns those that had one left. A code without
-- tries is removed.
--
-- KEYS     the codes
-- ARGV[1]  how many tries a code has
-- ARGV[2]  how many of them other devices have
-- then     for each key 1 if the request comes from another device, else 0

local tries, other_tries = tonumber(ARGV[1]), tonumber(ARGV[2])
local found = {}

for index, key in ipairs(KEYS) do
  local is_other = ARGV[index + 2] == '1'
  for _, age in ipairs({'', 'old_'}) do
    local sealed = redis.call('HGET', key, age .. 'sealed')
    -- Other devices never use the last tries (denial of service).
    if sealed and (not is_other
        or redis.call('HINCRBY', key, age .. 'other_tries', 1) <= other_tries) then
      if redis.call('HINCRBY', key, age .. 'tries', 1) > tries then
        redis.call('HDEL', key, age .. 'sealed')
      else
        found[#found + 1] = sealed
      end
    end
  end
end

return found
