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

-- Name the caller's epoch if the log has forgotten it: it began after Redis had saved its data, and
-- continued the newest of its `lineage` that is left. It ended where that one did, and comes after
-- older ones that did so too. Return true if that one has not ended yet.
local function name_forgotten()
  if known.epoch == epoch or index_of(known.epoch) then
    return false
  end
  for name in string.gmatch(known.lineage, '%S+') do
    local i = index_of(name)
    if name == epoch then
      known.epoch = name
      return true
    elseif i then
      local offset = epochs[i][2]
      repeat
        i = i + 1
      until not epochs[i] or epochs[i][1] > known.epoch or epochs[i][2] > offset
      note(known.epoch, offset, text(math.max(offset, known.offset)), i)
      continue(head, head)
      return false
    end
  end
end

-- Begin a new epoch if Redis has restarted, or has lost what the caller knows.
local function examine()
  if run ~= '' and run ~= began then
    continue(head, head)
  end
  local not_ended = name_forgotten()
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
  local i = index_of(known.epoch)
  if not_ended or i and raise(epochs[i], known.offset) then
    continue(head, head)
  end
end
