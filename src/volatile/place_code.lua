-- Keeps a code in place of the one before and returns 0, or returns how many microseconds that one
-- is still too young to be replaced.
--
-- KEYS[1]  the code
-- ARGV     now and cooldown in microseconds, how long to keep it in milliseconds, what is kept

local now = tonumber(ARGV[1])
local cooldown = tonumber(ARGV[2])

-- Asked once more because the answer was lost on the way.
if redis.call('HGET', KEYS[1], 'sealed') == ARGV[4] then
  return 0
end

local wait = (tonumber(redis.call('HGET', KEYS[1], 'replaceable_at')) or now) - now
-- Further ahead than the cooldown is a clock that was set back.
if wait > 0 and wait <= cooldown then
  return wait
end

redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'sealed', ARGV[4], 'tries', 0,
  'replaceable_at', string.format('%.0f', now + cooldown))
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 0
