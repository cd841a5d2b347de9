-- The values of these keys, as many of the first as fit: a text, nothing, or a list of one: why it is not read. No value
-- that is too long leaves this server. Changes nothing. KEYS: the keys. ARGV: the longest value, and how much in all.
local longest, room = tonumber(ARGV[1]), tonumber(ARGV[2])

local found = {}
for at, key in ipairs(KEYS) do
  -- A value of another type has no length.
  local value = redis.pcall('GETRANGE', key, 0, longest)
  if type(value) ~= 'string' then
    found[at] = { 'it is a ' .. redis.call('TYPE', key).ok .. ' where a string should be' }
  elseif #value > longest then
    found[at] = { redis.call('STRLEN', key) .. ' bytes: the limit is ' .. longest }
  elseif value == '' then
    found[at] = false
  else
    found[at] = value
    room = room - #value
    if room < 0 then
      break
    end
  end
end
return found
