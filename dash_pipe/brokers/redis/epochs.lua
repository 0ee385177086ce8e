-- The epochs of the log: when one ends, and where the next continues.

local function note(name, offset, last, at)
  table.insert(epochs, at or #epochs + 1, {name, offset, last})
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
  if operation == 'check' and ARGV[11] == 'same' then
    epoch = known.epoch
  elseif operation == 'check' and ARGV[11] == 'other' then
    note(known.epoch, 0, '?')
  end
end

-- Return where the past names an epoch; nil if it does not.
local function index_of(name)
  for i, ended in ipairs(epochs) do
    if ended[1] == name then
      return i
    end
  end
end

-- Raise the end of an ended epoch to an offset that it is known to have had; return whether it is
-- news.
local function raise(ended, offset)
  if offset > (tonumber(ended[3]) or ended[2]) then
    ended[3] = text(offset)
    return true
  end
end

-- Name an epoch that the log has forgotten: it began after Redis had saved its data. It comes after
-- the one that it continued, and after older ones that parted there too.
local function name_forgotten(name, parent, offset, last)
  offset = math.min(offset, epochs[parent][2])
  local i = parent
  repeat
    i = i + 1
  until not epochs[i] or epochs[i][1] > name or epochs[i][2] > offset
  note(name, offset, text(math.max(offset, last)), i)
end

-- Learn what the caller knows of other epochs: name those that the log has forgotten, and raise ends.
-- Return whether that is news, and whether the caller's epoch continued the present one.
local function learn()
  local is_news, parent, continues = false, nil, false
  local function take(name, offset, last)
    local i = index_of(name)
    if i then
      is_news = raise(epochs[i], last) or is_news
    elseif parent and not continues then
      name_forgotten(name, parent, offset, last)
      is_news = true
    end
    parent, continues = index_of(name) or parent, continues or name == epoch
  end
  for name, offset, last in string.gmatch(known.past, ENDED) do
    offset = tonumber(offset)
    take(name, offset, math.max(offset, tonumber(last) or 0))
  end
  take(known.epoch, math.huge, known.offset)
  return is_news, continues
end

-- Begin a new epoch if Redis has restarted, or has lost what the caller knows.
local function examine()
  if run ~= '' and run ~= began then
    continue(head, head)
  end
  local is_news, continues = false, false
  if known.epoch ~= epoch then
    is_news, continues = learn()
  end
  if continues or known.epoch == epoch then
    local there = mark_at(known.offset)
    if head < known.offset or (there and there ~= known.mark) then
      local fork = newest_at(known.time)
      continue(fork or 0, known.offset)
      if not fork then
        epochs = {} -- nobody knows where they part: each reader begins again
      end
    end
  end
  if is_news or continues then
    continue(head, head)
  end
end
