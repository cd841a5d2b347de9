-- The names on the lists of a service, and of each list how many are passed over. Changes nothing.
-- KEYS: index, marks, version. ARGV: the most names of one list, the longest name.
local index, marks, version = unpack(KEYS)
local most, longest = tonumber(ARGV[1]), tonumber(ARGV[2])

local function names(list, furthest)
  local from, to = '(' .. number(now), number(now + furthest)
  local found = redis.call('ZRANGEBYSCORE', list, from, to, 'LIMIT', 0, most)
  local listed = redis.call('ZCOUNT', list, from, to)
  -- What is said to be there for longer than anything can be is passed over, too.
  local skipped = listed - #found + redis.call('ZCOUNT', list, '(' .. to, '+inf')
  local kept = {}
  for _, name in ipairs(found) do
    if #name <= longest then
      kept[#kept + 1] = name
    else
      skipped = skipped + 1
    end
  end
  return { kept, listed, skipped }
end

local seen = redis.pcall('GETRANGE', version, 0, 40)
return { type(seen) == 'string' and seen or '', names(index, FAR), names(marks, DAY) }
