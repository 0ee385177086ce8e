-- Delete a log that never carried a message; the announcement is for other processes' listeners.

local there = redis.call('HMGET', KEYS[1], 'epoch', 'head')
if there[1] == ARGV[1] and there[2] == '0' then
  redis.call('DEL', KEYS[1])
  redis.call('PUBLISH', ARGV[2], '')
end
