-- Decides which code to send: the live one while it is young enough and has tries left, otherwise
-- the new one, beside which the previous one stays valid. A code is young enough below half of its
-- lifetime and below the resend time.
-- Returns {wait, code, created at, expires at}; a wait above zero, in microseconds, means that the
-- last code was sent too recently. A code that replaces one that cannot be opened takes its age.
--
-- KEYS[1]  the codes of one subject and purpose
-- ARGV     now, cooldown and resend time in microseconds; how long to store it in milliseconds;
--          tries; the new code; a code that cannot be opened any more, or ''; when the new one expires

local key = KEYS[1]
local now, cooldown, resend_for = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local tries, new, unreadable = tonumber(ARGV[5]), ARGV[6], ARGV[7]

local stored = redis.call('HMGET', key, 'sealed', 'tries', 'other_tries', 'created_at',
  'last_request', 'cooldown_until', 'old_sealed', 'old_tries', 'old_other_tries', 'expires_at')
local sealed = stored[1]
local cooldown_until = string.format('%.0f', now + cooldown)

local replaces = sealed and sealed == unreadable

-- A retry of the same request, because its answer was lost.
if sealed and not replaces and stored[5] == new then
  return {0, sealed, stored[4], stored[10]}
end

if not replaces then
  local wait = (tonumber(stored[6]) or now) - now
  -- A wait beyond the cooldown means that the clock was set back.
  if wait > 0 and wait <= cooldown then
    return {wait, '', '0', '0'}
  end
  local created_at = tonumber(stored[4]) or 0
  local half = ((tonumber(stored[10]) or 0) - created_at) / 2
  local age, limit = now - created_at, math.min(resend_for, half)
  if sealed and tonumber(stored[2]) < tries and age >= 0 and age < limit then
    redis.call('HSET', key, 'last_request', new, 'cooldown_until', cooldown_until)
    return {0, sealed, stored[4], stored[10]}
  end
end

local older, created_at = nil, string.format('%.0f', now)
if replaces then
  older, created_at = stored[7] and {stored[7], stored[8], stored[9]}, stored[4]
elseif sealed and tonumber(stored[2]) < tries then
  older = {sealed, stored[2], stored[3]}
end
redis.call('DEL', key)
redis.call('HSET', key, 'sealed', new, 'tries', 0, 'other_tries', 0, 'last_request', new,
  'created_at', created_at, 'expires_at', ARGV[8], 'cooldown_until', cooldown_until)
if older then
  redis.call('HSET', key, 'old_sealed', older[1], 'old_tries', older[2],
    'old_other_tries', older[3])
end
redis.call('PEXPIRE', key, ARGV[4])
return {0, new, created_at, ARGV[8]}
