-- Counts charges on all keys in one step. Returns the longest wait in microseconds of those that
-- did not fit, 0 when all did. The arithmetic is Measured::settle in budget.rs, number for number.
--
-- KEYS     the budgets
-- ARGV[1]  now, in microseconds; then for each key: spend, limit, wait

local now = tonumber(ARGV[1])
local longest = 0

for index, key in ipairs(KEYS) do
  local spend = tonumber(ARGV[index * 3 - 1])
  local limit = tonumber(ARGV[index * 3])
  local wait = tonumber(ARGV[index * 3 + 1])

  -- No balance, or one that is no number, is a budget that is whole.
  local balance = tonumber(redis.call('GET', key)) or now
  local ceiling = now + limit
  local owed = math.min(math.max(balance, now), ceiling) + spend

  if owed > ceiling then
    owed = ceiling
    longest = math.max(longest, wait)
  end

  -- A whole budget means as much as none, so its key goes. One window more before it expires
  -- covers instances whose clocks disagree.
  if owed > now then
    local expiry = math.ceil((owed - now + limit) / 1000) + 1000
    redis.call('SET', key, string.format('%.0f', owed), 'PX', string.format('%.0f', expiry))
  else
    redis.call('DEL', key)
  end
end

return longest
