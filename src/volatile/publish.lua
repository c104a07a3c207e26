-- Tells everybody who listens on the channel. How many those are on other nodes is not known.
return redis.call('PUBLISH', KEYS[1], ARGV[1])
