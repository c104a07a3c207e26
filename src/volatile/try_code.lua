-- Takes one try and returns what to compare with, or nothing when there is no code or no try left.
--
-- KEYS[1]  the code
-- ARGV[1]  how many tries a code has

if redis.call('HEXISTS', KEYS[1], 'sealed') == 0 then
  return false
end
if redis.call('HINCRBY', KEYS[1], 'tries', 1) > tonumber(ARGV[1]) then
  redis.call('HDEL', KEYS[1], 'sealed')
  return false
end
return redis.call('HGET', KEYS[1], 'sealed')
