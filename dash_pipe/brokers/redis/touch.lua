-- Postpone the expiry of a log, as run.lua does, and return its head.

local keep = redis.call('HGET', KEYS[1], 'head') == '0' and ARGV[2] or ARGV[1]
for _, key in ipairs(KEYS) do
  redis.call('PEXPIRE', key, keep)
end
return redis.call('HMGET', KEYS[1], 'epoch', 'head', 'mark', 'run', 'past')
