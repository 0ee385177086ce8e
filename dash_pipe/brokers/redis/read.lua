-- Read the window from the message at an offset on; from 0 also what is kept beside it.

local meta, rows, newest, labels, lost = unpack(KEYS)
local call, after = redis.call, tonumber(ARGV[1])
local state = call('HMGET', meta, 'epoch', 'head', 'mark', 'run', 'past', 'before', 'rest', 'sizes')
local sizes = {call('LLEN', rows), call('HLEN', newest), call('ZCARD', labels), call('ZCARD', lost)}
local first = tonumber(state[2] or 0) - sizes[1] + 1
local found = {call('TIME'), state, sizes,
  call('LRANGE', rows, string.format('%.0f', math.max(after - first, 0)), -1)}
if after == 0 then
  found[5] = call('HVALS', newest)
  found[6] = call('ZRANGE', lost, 0, -1, 'WITHSCORES')
end
return found
