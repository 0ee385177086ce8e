-- The window of the log, the newest message of each label, and what is lost.

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
-- Labels that are not kept have lost nothing newer than the oldest that is: `rest` covers them.
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
    local oldest = call('ZRANGE', labels, 0, 0, 'WITHSCORES')[2]
    before, bytes, rest = mark, 0, math.max(rest, (oldest or head + 1) - 1)
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
