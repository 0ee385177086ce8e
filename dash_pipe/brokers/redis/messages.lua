-- The messages: append one, and know its id.

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
