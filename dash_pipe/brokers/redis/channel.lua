-- The log of one channel in Redis: what dash_pipe/log/log.py does in memory, as one atomic step.
--
-- KEYS, which share one hash tag:
--   meta    hash: epoch; head, the offset of the newest message, and mark, its id; bytes, those of
--           the rows in the window; rest, the newest lost offset of labels that `lost` does not
--           name; sizes, those of the four keys below, by which a part that was evicted is missed
--   log     stream, the window: entry <offset>-0 with l (label), i (id), r (row) and
--           p, the id of the message before
--   newest  hash, label -> row: the newest message of a label when it has left the window
--   labels  sorted set, label -> offset of its newest message, of the labels that are kept
--   lost    sorted set, label -> newest lost offset
--   ids     sorted set, id -> when its message was sent, in microseconds
--   places  hash, id -> offset, of the messages of this log
-- A row is the message's wire form, [offset,label,value,seconds.milliseconds]; a label is kept as
-- the JSON text that stands there.
--
-- ARGV: operation, bounds as a JSON object (see below), a new epoch in case one is needed, where to
-- announce; then
--   append  the last message that the sender knows of: its epoch, offset, id and time; then label,
--           value, id. Returns {epoch, offset, time}; no time when a message with the id was there.
--           Announces `epoch id-of-the-message-before id row`.
--   begin   the epoch that is to end (or ''), the time after which its messages stay (or ''), the
--           epoch to begin with where there is nothing at all (or ''). Announces `epoch`.
--
-- A log that has lost its end can't go on: its offsets would be used twice. A process that knows a
-- message which is missing ends the log; what was sent after that message stays.

local call = redis.call
local meta, log, newest, labels, lost, ids, places = unpack(KEYS)
local operation, bounds, new_epoch, news = unpack(ARGV)
bounds = cjson.decode(bounds)
local SLACK = 60000 -- how much sooner (ms) a key may expire than it should, to save commands

local clock = call('TIME')
local now = tonumber(clock[1]) + tonumber(clock[2]) / 1000000
local epoch, head, mark, bytes, rest, sizes = unpack(
  call('HMGET', meta, 'epoch', 'head', 'mark', 'bytes', 'rest', 'sizes'))
head, bytes, rest = tonumber(head or 0), tonumber(bytes or 0), tonumber(rest or 0)

-- The keys that are there, by the sizes of the parts.
local function shape(sizes)
  return (string.gsub(sizes, '[1-9]%d*', 'x'))
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

local function sizes_now()
  return table.concat({call('XLEN', log), call('HLEN', newest), call('ZCARD', labels),
    call('ZCARD', lost)}, ' ')
end

local function lose(label, offset)
  call('ZADD', lost, text(offset), label)
  if call('ZCARD', lost) > bounds.labels then
    rest = math.max(rest, tonumber(call('ZPOPMIN', lost)[2]))
  end
end

local function drop_kept(label)
  local row = call('HGET', newest, label)
  if row then
    call('HDEL', newest, label)
    lose(label, offset_of(row))
  end
end

-- `tail` is the row after its offset.
local function add(label, id, tail)
  local before = mark or ''
  head, mark = head + 1, id
  local row = '[' .. text(head) .. tail
  call('XADD', log, text(head) .. '-0', 'l', label, 'i', id, 'r', row, 'p', before)
  bytes = bytes + #row
  drop_kept(label)
  call('ZADD', labels, text(head), label)
  if call('ZCARD', labels) > bounds.labels then
    drop_kept(call('ZPOPMIN', labels)[1])
  end
  return row
end

-- The offset of the message with an id; 0 if it is in an older log, nil if the id is unknown.
local function place_of(id)
  local time = call('ZSCORE', ids, id)
  if time and tonumber(time) >= (now - bounds.id_seconds) * 1000000 then
    return call('HGET', places, id) or '0'
  end
end

-- Remember the id of the newest message, and forget what is beyond the bounds.
local function remember(id)
  call('ZADD', ids, text(now * 1000000), id)
  call('HSET', places, id, text(head))
  local old = call('ZRANGEBYSCORE', ids, '-inf', text((now - bounds.id_seconds) * 1000000),
    'LIMIT', 0, 100)
  if #old == 0 and call('ZCARD', ids) > bounds.ids then
    old = call('ZRANGE', ids, 0, 0)
  end
  if #old > 0 then
    call('ZREM', ids, unpack(old))
    call('HDEL', places, unpack(old))
  end
end

-- Remove a message from the window; the newest of its label is kept in `newest`.
local function evict(fields)
  local label, row = fields[2], fields[6]
  bytes = bytes - #row
  if call('ZSCORE', labels, label) == text(offset_of(row)) then
    call('HSET', newest, label, row)
  else
    lose(label, offset_of(row))
  end
end

local function trim()
  local count = call('XLEN', log)
  local left, from = count, '-'
  while left > 0 do
    local entry = call('XRANGE', log, from, '+', 'COUNT', 1)[1]
    if left <= bounds.messages and bytes <= bounds.bytes
      and time_of(entry[2][6]) >= now - bounds.seconds then
      break
    end
    evict(entry[2])
    left, from = left - 1, '(' .. entry[1]
  end
  if left < count then
    call('XTRIM', log, 'MAXLEN', text(left))
  end
  local oldest = call('ZRANGE', labels, 0, 0)[1]
  while oldest do
    local row = call('HGET', newest, oldest)
    if not row or time_of(row) >= now - bounds.label_seconds then
      break
    end
    call('ZREM', labels, oldest)
    drop_kept(oldest)
    oldest = call('ZRANGE', labels, 0, 0)[1]
  end
end

-- Begin a new log, with the messages after a time, if one is given.
-- Ids stay known, so that messages of the older log are not appended again.
local function begin(after)
  local entries = {}
  for _, entry in ipairs(after and call('XRANGE', log, '-', '+') or {}) do
    if time_of(entry[2][6]) > after then
      entries[#entries + 1] = entry[2]
    end
  end
  call('DEL', meta, log, newest, labels, lost, places)
  epoch, head, mark, bytes, rest = new_epoch, 0, '', 0, 0
  for _, fields in ipairs(entries) do
    add(fields[2], fields[4], string.sub(fields[6], string.find(fields[6], ',', 1, true), -1))
    if call('ZSCORE', ids, fields[4]) then
      call('HSET', places, fields[4], text(head))
    end
  end
end

-- Whether the keys expire that were created again after they were empty or evicted.
local function expires()
  for _, key in ipairs({newest, ids, places}) do
    if call('PTTL', key) == -1 then
      return false
    end
  end
  return true
end

local function save()
  local now_there = sizes_now()
  local left = call('PTTL', meta)
  call('HSET', meta, 'epoch', epoch, 'head', text(head), 'mark', mark, 'bytes', text(bytes),
    'rest', text(rest), 'sizes', now_there)
  if left < bounds.keep - SLACK or shape(now_there) ~= shape(sizes or '') or not expires() then
    -- A browser may invent the name of a channel without messages: keep it for minutes only.
    local keep = head > 0 and bounds.keep or bounds.empty
    for _, key in ipairs({meta, log, newest, labels, lost}) do
      call('PEXPIRE', key, text(keep))
    end
    for _, key in ipairs({ids, places}) do
      call('PEXPIRE', key, text(bounds.id_seconds * 1000 + SLACK))
    end
  end
end

local intact = epoch and sizes == sizes_now()

if operation == 'begin' then
  local old_epoch, after, same_epoch = ARGV[5], tonumber(ARGV[6]), ARGV[7]
  if same_epoch ~= '' and not epoch and sizes_now() == '0 0 0 0' then
    new_epoch = same_epoch
  end
  if not intact or epoch == old_epoch then -- else another process was faster
    begin(intact and after)
    trim()
    save()
    call('PUBLISH', news, epoch)
  end
  return
end

local known_epoch, known_offset, known_id, known_time, label, value, id = unpack(ARGV, 5)

local function has_lost_its_end()
  if epoch ~= known_epoch then
    return false
  end
  local key = known_offset .. '-0'
  local there = call('XRANGE', log, key, key)[1]
  return head < tonumber(known_offset) or (there and there[2][4] ~= known_id)
end

if not intact then
  begin()
elseif has_lost_its_end() then
  begin(tonumber(known_time))
end
local sent = place_of(id)
local row, time, before = nil, '', mark
if not sent then
  time = clock[1] .. '.' .. string.format('%03d', math.floor(tonumber(clock[2]) / 1000))
  row = add(label, id, ',' .. label .. ',' .. value .. ',' .. time .. ']')
  sent = text(head)
  remember(id)
end
trim()
save()
if row then -- last, since it may be forbidden, and then the log is whole
  call('PUBLISH', news, table.concat({epoch, before, id, row}, ' '))
end
return {epoch, sent, time}
