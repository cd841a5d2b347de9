-- What tells whether anything has changed: of each topic its version, and how many are on its lists; -1 of a list that is
-- none. Changes nothing. KEYS: index, marks, version of each topic.
local function count(list, furthest)
  local found = redis.pcall('ZCOUNT', list, '(' .. number(now), number(now + furthest))
  return type(found) == 'number' and found or -1
end

local found = {}
for at = 1, #KEYS, 3 do
  local version = redis.pcall('GETRANGE', KEYS[at + 2], 0, 40)
  found[#found + 1] = type(version) == 'string' and version or ''
  found[#found + 1] = count(KEYS[at], FAR)
  found[#found + 1] = count(KEYS[at + 1], DAY)
end
return found
