-- Removes a code that was redeemed, if it is still this one. Its cooldown stays.
--
-- KEYS[1]  the code
-- ARGV[1]  what was kept

if redis.call('HGET', KEYS[1], 'sealed') == ARGV[1] then
  redis.call('HDEL', KEYS[1], 'sealed')
end
return 0
