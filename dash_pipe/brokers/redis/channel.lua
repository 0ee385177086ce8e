-- The log of one channel in Redis: what dash_pipe/log/log.py does in memory, as one atomic step.
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
-- ARGV: operation, bounds as a JSON object (see below), a new epoch in case one is needed, where to
-- announce, the run of Redis that the caller is connected to (or '', if it may not know); the newest
-- message that the caller knows of: its epoch, offset, id and time; then
--   append  label, value, id. Returns {epoch, offset, time}; no time if a message with the id is
--           there. Announces `epoch id-of-the-message-before id row`.
--   check   what to do if there is no log: '' begin one, 'same' begin it under the caller's epoch,
--           'other' begin one of which nobody knows what it lost. Returns {epoch, head, id, run,
--           past}. Announces the epoch, if it has changed.
--
-- Both begin a new epoch, which continues the present one, if Redis has restarted since, and if the
-- caller knows a message that is missing: offsets would be used twice under one epoch.

local call = redis.call
local meta, rows, newest, labels, lost, ids = unpack(KEYS)
local operation, bounds, new_epoch, news, run = unpack(ARGV)
local known = {epoch = ARGV[6], offset = tonumber(ARGV[7]), mark = ARGV[8], time = tonumber(ARGV[9])}
bounds = cjson.decode(bounds)
local SLACK = 60000 -- how much sooner (ms) a key may expire than it should, to save commands

local clock = call('TIME')
local now = tonumber(clock[1]) + tonumber(clock[2]) / 1000000
local epoch, head, mark, before, bytes, rest, sizes, began, past = unpack(call('HMGET', meta,
  'epoch', 'head', 'mark', 'before', 'bytes', 'rest', 'sizes', 'run', 'past'))
head, bytes, rest = tonumber(head or 0), tonumber(bytes or 0), tonumber(rest or 0)
local old_epoch = epoch
local epochs = {} -- the past: {epoch, offset, end}, where nobody knows the end if it is '?'
for name, offset, last in string.gmatch(past or '', '(%S+) (%d+) ([%d?]+);') do
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

-- What is lost

local function lose(label, offset)
  if offset <= rest then
    return -- it is covered
  end
  call('ZADD', lost, text(offset), label)
  if call('ZCARD', lost) > bounds.losses then
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

-- Remove the oldest message from the window; the newest of its label is kept in `newest`.
local function evict()
  local id, size, row = parts_of(call('LPOP', rows))
  local comma = string.find(row, ',', 1, true)
  local label, offset = string.sub(row, comma + 1, comma + tonumber(size)), offset_of(row)
  before, bytes = id, bytes - #row
  if call('ZSCORE', labels, label) == text(offset) then
    call('HSET', newest, label, row)
  else
    lose(label, offset)
  end
end

local function trim()
  local oldest = call('LINDEX', rows, 0)
  local left = call('LLEN', rows)
  while oldest and (left > bounds.messages or bytes > bounds.bytes
      or time_of(oldest) < now - bounds.seconds) do
    evict()
    oldest, left = call('LINDEX', rows, 0), left - 1
  end
  local label = call('ZRANGE', labels, 0, 0)[1]
  while label do
    local row = call('HGET', newest, label)
    if not row or time_of(row) >= now - bounds.label_seconds then
      break
    end
    call('ZREM', labels, label)
    drop_kept(label)
    label = call('ZRANGE', labels, 0, 0)[1]
  end
end

-- Keep the rows that belong to the log, if all of them are there. Redis 7.0 may replay half a
-- transaction of an append-only file that was cut off: then there are others beside them.
local function mend_rows(expected)
  local entries, kept = call('LRANGE', rows, 0, -1), {}
  for i = #entries, 1, -1 do
    local id, _, row = parts_of(entries[i])
    if offset_of(row) == head - #kept then
      table.insert(kept, entries[i])
    else
      call('ZREM', ids, id)
    end
  end
  call('DEL', rows)
  if #kept ~= expected then
    before, bytes, rest = mark, 0, head
    return
  end
  for _, entry in ipairs(kept) do
    call('LPUSH', rows, entry)
  end
end

-- Go on without the parts that were evicted: what they held is lost or unknown.
local function mend()
  local n_rows, _, n_labels, n_lost = string.match(sizes, '(%d+) (%d+) (%d+) (%d+)')
  if call('LLEN', rows) ~= tonumber(n_rows) then
    mend_rows(tonumber(n_rows))
  end
  if call('ZCARD', lost) < tonumber(n_lost) then
    rest = math.max(rest, first() - 1)
  end
  if call('ZCARD', labels) < tonumber(n_labels) then
    call('DEL', newest)
    rest = math.max(rest, first() - 1)
  end
  call('ZREMRANGEBYSCORE', lost, '-inf', text(rest))
  local gone = call('ZRANGEBYSCORE', labels, '-inf', text(first() - 1), 'WITHSCORES')
  for i = 1, #gone, 2 do
    if not call('HGET', newest, gone[i]) then
      call('ZREM', labels, gone[i])
      lose(gone[i], tonumber(gone[i + 1]))
    end
  end
end

-- Epochs

local function note(name, offset, last)
  epochs[#epochs + 1] = {name, offset, last}
  if #epochs > bounds.past then
    table.remove(epochs, 1)
  end
end

-- Begin an epoch that continues the present one up to an offset, unless this call has begun one.
local function continue(offset, last)
  if epoch == old_epoch then
    note(epoch, offset, text(last))
    epoch, began = new_epoch, run
  end
end

local function mark_at(offset)
  if offset == head then
    return mark
  end
  local from = first()
  if offset == from - 1 then
    return before
  elseif offset >= from and offset < head then
    return (parts_of(call('LINDEX', rows, text(offset - from))))
  end
end

-- The offset of the newest message that was sent up to a time; nil if it has left the window.
local function newest_at(time)
  local from = first()
  for offset = head, from, -1 do
    if time_of(call('LINDEX', rows, text(offset - from))) <= time then
      return offset
    end
  end
  return from == 1 and 0 or nil
end

local function begin()
  call('DEL', meta, rows, newest, labels, lost)
  epoch, head, mark, before, bytes, rest, sizes = new_epoch, 0, '', '', 0, 0, '0 0 0 0'
  began, epochs = run, {}
  if operation == 'check' and ARGV[10] == 'same' then
    epoch = known.epoch
  elseif operation == 'check' and ARGV[10] == 'other' then
    note(known.epoch, 0, '?')
  end
end

-- Begin a new epoch if Redis has restarted, or has lost what the caller knows.
local function examine()
  if run ~= '' and run ~= began then
    continue(head, head)
  end
  if known.epoch == epoch then
    local there = mark_at(known.offset)
    if head < known.offset or (there and there ~= known.mark) then
      local fork = newest_at(known.time)
      continue(fork or 0, known.offset)
      if not fork then
        epochs = {} -- nobody knows where they part: each reader begins again
      end
    end
  end
  for _, ended in ipairs(epochs) do
    if ended[1] == known.epoch and known.offset > (tonumber(ended[3]) or ended[2]) then
      ended[3] = text(known.offset)
      continue(head, head)
    end
  end
end

-- Messages

local function add(label, id, tail)
  head = head + 1
  local row = '[' .. text(head) .. tail
  call('RPUSH', rows, table.concat({id, #label, row}, ' '))
  mark, bytes = id, bytes + #row
  drop_kept(label)
  call('ZADD', labels, text(head), label)
  if call('ZCARD', labels) > bounds.labels then
    drop_kept(call('ZPOPMIN', labels)[1])
  end
  return row
end

-- The offset of the message with an id; '0' if it has left the window, nil if the id is unknown.
local function offset_with(id)
  local time = call('ZSCORE', ids, id)
  if not time or tonumber(time) < (now - bounds.id_seconds) * 1000000 then
    return nil
  end
  local from = first()
  for offset = head, from, -1 do
    local found, _, row = parts_of(call('LINDEX', rows, text(offset - from)))
    if found == id then
      return text(offset)
    elseif time_of(row) < tonumber(time) / 1000000 - 0.002 then
      break
    end
  end
  return '0'
end

-- Remember the id of the newest message, and forget what is beyond the bounds.
local function remember(id)
  call('ZADD', ids, text(now * 1000000), id)
  local old = call('ZRANGEBYSCORE', ids, '-inf', text((now - bounds.id_seconds) * 1000000),
    'LIMIT', 0, 100)
  if #old == 0 and call('ZCARD', ids) > bounds.ids then
    old = call('ZRANGE', ids, 0, 0)
  end
  if #old > 0 then
    call('ZREM', ids, unpack(old))
  end
end

-- The keys that are there, by the sizes of the parts.
local function shape(of)
  return (string.gsub(of, '[1-9]%d*', 'x'))
end

local function past_now()
  local parts = {}
  for i, ended in ipairs(epochs) do
    parts[i] = ended[1] .. ' ' .. text(ended[2]) .. ' ' .. ended[3] .. ';'
  end
  return table.concat(parts)
end

local function save()
  local now_there = sizes_now()
  local left = call('PTTL', meta)
  call('HSET', meta, 'head', text(head), 'mark', mark, 'before', before, 'bytes', text(bytes),
    'rest', text(rest), 'sizes', now_there)
  if epoch ~= old_epoch then
    call('HSET', meta, 'epoch', epoch, 'run', began, 'past', past_now())
  end
  -- A key that was empty meanwhile has lost its expiry.
  local unbounded = call('PTTL', newest) == -1 or call('PTTL', ids) == -1
  if left < bounds.keep - SLACK or shape(now_there) ~= shape(sizes) or unbounded then
    -- A browser may invent the name of a channel without messages: keep it for minutes only.
    local keep = head > 0 and bounds.keep or bounds.empty
    for _, key in ipairs({meta, rows, newest, labels, lost}) do
      call('PEXPIRE', key, text(keep))
    end
    call('PEXPIRE', ids, text(bounds.id_seconds * 1000 + SLACK))
  end
end

if not epoch then
  begin()
else
  if sizes ~= sizes_now() then
    mend()
  end
  examine()
end

if operation == 'check' then
  trim()
  save()
  if epoch ~= old_epoch then
    call('PUBLISH', news, epoch)
  end
  return {epoch, text(head), mark, began, past_now()}
end

local label, value, id = unpack(ARGV, 10)
local sent = offset_with(id)
local row, time, preceding = nil, '', mark
if not sent then
  time = clock[1] .. '.' .. string.format('%03d', math.floor(tonumber(clock[2]) / 1000))
  row = add(label, id, ',' .. label .. ',' .. value .. ',' .. time .. ']')
  sent = text(head)
  remember(id)
end
trim()
save()
if row then -- last, since it may be forbidden, and then the log is whole
  call('PUBLISH', news, table.concat({epoch, preceding, id, row}, ' '))
end
return {epoch, sent, time}
