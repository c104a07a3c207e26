-- Publishes to the subscribers of the channel.
return redis.call('PUBLISH', KEYS[1], ARGV[1])
