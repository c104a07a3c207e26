-- Decides which code to send: the live one while it is young and has tries left, otherwise the new
-- one, beside which the previous one stays valid. A code is young below half of its lifetime and
-- below the renewal time.
-- Returns {wait, code, created at, expires at}; a wait above zero, in microseconds, means that the
-- last code was sent too recently. A code that replaces one that cannot be opened takes its age.
--
-- KEYS[1]  the codes of one subject and purpose
-- ARGV     now, cooldown and renewal in microseconds; how long to store it in milliseconds; tries;
--          the new code; a code that cannot be opened any more, or ''; when the new one expires

local key = KEYS[1]
local now, cooldown, renewal = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local tries, new, dead = tonumber(ARGV[5]), ARGV[6], ARGV[7]

local kept = redis.call('HMGET', key, 'sealed', 'tries', 'foreign', 'made_at', 'asked',
  'replaceable_at', 'old_sealed', 'old_tries', 'old_foreign', 'ends_at')
local sealed = kept[1]

local replaces = sealed and sealed == dead

-- A retry of the same request, because its answer was lost.
if sealed and not replaces and kept[5] == new then
  return {0, sealed, kept[4], kept[10]}
end

if not replaces then
  local wait = (tonumber(kept[6]) or now) - now
  -- A wait beyond the cooldown means that the clock was set back.
  if wait > 0 and wait <= cooldown then
    return {wait, '', '0', '0'}
  end
  local made_at = tonumber(kept[4]) or 0
  local age, youth = now - made_at, math.min(renewal, ((tonumber(kept[10]) or 0) - made_at) / 2)
  if sealed and tonumber(kept[2]) < tries and age >= 0 and age < youth then
    redis.call('HSET', key, 'asked', new, 'replaceable_at', string.format('%.0f', now + cooldown))
    return {0, sealed, kept[4], kept[10]}
  end
end

local older, made_at = nil, string.format('%.0f', now)
if replaces then
  older, made_at = kept[7] and {kept[7], kept[8], kept[9]}, kept[4]
elseif sealed and tonumber(kept[2]) < tries then
  older = {sealed, kept[2], kept[3]}
end
redis.call('DEL', key)
redis.call('HSET', key, 'sealed', new, 'tries', 0, 'foreign', 0, 'asked', new,
  'made_at', made_at, 'ends_at', ARGV[8], 'replaceable_at', string.format('%.0f', now + cooldown))
if older then
  redis.call('HSET', key, 'old_sealed', older[1], 'old_tries', older[2], 'old_foreign', older[3])
end
redis.call('PEXPIRE', key, ARGV[4])
return {0, new, made_at, ARGV[8]}
