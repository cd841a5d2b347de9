-- The services that have instances. Changes nothing. KEYS: services. ARGV: the most names, the longest name.
local most, longest = ARGV[1], tonumber(ARGV[2])

local kept = {}
local found = redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. number(now), number(now + FAR), 'LIMIT', 0, most)
for _, name in ipairs(found) do
  if #name <= longest then
    kept[#kept + 1] = name
  end
end
return kept
