-- The operations: bring the log up to date, then append or answer.

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

local label, value, id = unpack(ARGV, 11)
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
return {epoch, sent, time, epoch ~= ARGV[6] and past_now() or ''}
