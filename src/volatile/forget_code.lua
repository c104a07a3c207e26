-- Removes every code of these keys if the redeemed one is among them. Cooldowns stay.
--
-- KEYS     the codes
-- ARGV[1]  the redeemed code

for _, key in ipairs(KEYS) do
  local kept = redis.call('HMGET', key, 'sealed', 'old_sealed')
  if kept[1] == ARGV[1] or kept[2] == ARGV[1] then
    for _, other in ipairs(KEYS) do
      redis.call('HDEL', other, 'sealed', 'old_sealed')
    end
    return 1
  end
end

return 0
