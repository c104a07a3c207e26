-- Charges the levels of an attempt in order, up to the first with an exhausted budget; neither that
-- level nor a later one is charged. Returns {0, 0} if all levels were charged, else the refusing
-- level and the longest wait of its keys in microseconds. Same arithmetic as Gcra::charge in
-- budget.rs.
--
-- KEYS     the budgets, level after level
-- ARGV[1]  now, in microseconds; then for each key: level, increment, limit, never_wait

local now = tonumber(ARGV[1])

local function argument(index, place)
  return tonumber(ARGV[(index - 1) * 4 + 1 + place])
end

-- A full budget is the same as none, so its key is removed. It expires one window later, to tolerate
-- clock skew between instances.
local function store(key, balance, limit)
  if balance > now then
    local expiry = math.ceil((balance - now + limit) / 1000) + 1000
    redis.call('SET', key, string.format('%.0f', balance), 'PX', string.format('%.0f', expiry))
  else
    redis.call('DEL', key)
  end
end

local index = 1
while index <= #KEYS do
  local level, first = argument(index, 1), index
  local stored, clamped, owed, longest = {}, {}, {}, 0

  while index <= #KEYS and argument(index, 1) == level do
    local key = KEYS[index]
    local increment, limit = argument(index, 2), argument(index, 3)
    local ceiling = now + limit
    if not stored[key] then
      -- No balance, or one that is not a number, is a full budget.
      stored[key] = tonumber(redis.call('GET', key)) or now
      clamped[key], owed[key] = stored[key], stored[key]
    end
    clamped[key] = math.min(clamped[key], ceiling)
    local after = math.max(math.min(owed[key], ceiling), now) + increment
    if after <= ceiling then
      owed[key] = after
    else
      longest = math.max(longest, increment > limit and argument(index, 4) or after - ceiling)
    end
    index = index + 1
  end

  for place = first, index - 1 do
    local key, limit = KEYS[place], argument(place, 3)
    if longest == 0 then
      store(key, owed[key], limit)
    elseif clamped[key] < stored[key] then
      -- Written while a clock was ahead, or for a larger budget: clamp to one window.
      store(key, clamped[key], limit)
    end
  end
  if longest > 0 then
    return {level, longest}
  end
end

return {0, 0}
