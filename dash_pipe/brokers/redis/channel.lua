-- The log of one channel in Redis: what dash_pipe/log/log.py does in memory, as one atomic step.
-- scripts.py joins it with window.lua, epochs.lua, messages.lua and run.lua.
--
-- KEYS, which share one hash tag:
--   meta    hash: epoch; head, the offset of the newest message, and mark, its id; before, the id of
--           the message before the window; bytes, those of the rows in the window; rest, the newest
--           lost offset of labels that `lost` does not name; sizes, those of the four keys below,
--           by which a part that was evicted is missed; run, that of Redis in which the epoch began;
--           past, the epochs before it: "epoch offset end;...", oldest first, see dash_pipe/log/past.py
--   rows    list, the window: "id size row", where size is the length of the label in the row
--   newest  hash, label -> row: the newest message of a label when it has left the window
--   labels  sorted set, label -> offset of its newest message, of the labels that are kept
--   lost    sorted set, label -> newest lost offset
--   ids     sorted set, id -> when its message was sent, in microseconds
-- A row is the message's wire form, [offset,label,value,seconds.milliseconds]; a label is kept as
-- the JSON text that stands there.
--
-- ARGV: operation, bounds as a JSON object (see below), the end of the name of a new epoch in case one
-- is needed (it begins with the time, so that names sort by age), where to announce, the run of Redis
-- that the caller is connected to (or '', if it may not know); the newest message that the caller
-- knows of: its epoch, offset, id, time, and the past of its epoch; then
--   append  label, value, id. Returns {epoch, offset, time, past}; no time if a message with the id
--           is there, no past if the epoch is the caller's. Announces `epoch id-of-the-message-before id row`.
--   check   what to do if there is no log: '' begin one, 'same' begin it under the caller's epoch,
--           'other' begin one of which nobody knows what it lost. Returns {epoch, head, id, run,
--           past}. Announces the epoch, if it has changed.
--
-- An append may have a seventh key, a lease (see lease_commands.py), and its owner as last argument:
-- if the key has another value, nothing happens.
--
-- Both begin a new epoch, which continues the present one, if Redis has restarted since, and if the
-- caller knows a message that is missing: offsets would be used twice under one epoch.

local call = redis.call

if KEYS[7] and call('GET', KEYS[7]) ~= ARGV[#ARGV] then
  return {err = 'FENCED another process holds the lease'}
end

local meta, rows, newest, labels, lost, ids = unpack(KEYS)
local operation, bounds, new_epoch, news, run = unpack(ARGV)
local known = {epoch = ARGV[6], offset = tonumber(ARGV[7]), mark = ARGV[8], time = tonumber(ARGV[9]),
  past = ARGV[10]}
bounds = cjson.decode(bounds)
local SLACK = 60000 -- how much sooner (ms) a key may expire than it should, to save commands

local clock = call('TIME')
local now = tonumber(clock[1]) + tonumber(clock[2]) / 1000000
new_epoch = string.format('%.0f', math.floor(now * 1000)) .. new_epoch
local epoch, head, mark, before, bytes, rest, sizes, began, past = unpack(call('HMGET', meta,
  'epoch', 'head', 'mark', 'before', 'bytes', 'rest', 'sizes', 'run', 'past'))
head, bytes, rest = tonumber(head or 0), tonumber(bytes or 0), tonumber(rest or 0)
local old_epoch = epoch
local ENDED = '(%S+) (%d+) ([%d?]+);'
local epochs = {} -- the past: {epoch, offset, end}, where nobody knows the end if it is '?'
for name, offset, last in string.gmatch(past or '', ENDED) do
  epochs[#epochs + 1] = {name, tonumber(offset), last}
end

local function text(number)
  return string.format('%.0f', number)
end

local function offset_of(row)
  return tonumber(string.match(row, '^%[(%d+)'))
end

local function time_of(row)
  return tonumber(string.sub(row, -15, -2)) -- ten digits, a point, three digits
end

local function parts_of(entry)
  return string.match(entry, '^(%S*) (%d+) (.*)$')
end

-- The offset of the oldest message in the window.
local function first()
  return head - call('LLEN', rows) + 1
end

local function sizes_now()
  return table.concat({call('LLEN', rows), call('HLEN', newest), call('ZCARD', labels),
    call('ZCARD', lost)}, ' ')
end
