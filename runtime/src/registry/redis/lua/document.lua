-- A document: its text and what tells it from others; nothing; or a list of one: why it is not read. Changes nothing.
-- KEYS: the document. ARGV: the longest text.
local longest = tonumber(ARGV[1])

local kind = redis.call('TYPE', KEYS[1]).ok
if kind == 'none' then
  return false
elseif kind ~= 'string' then
  return { 'it is a ' .. kind .. ' where a string should be' }
end
local length = redis.call('STRLEN', KEYS[1])
if length > longest then
  return { length .. ' bytes: the limit is ' .. longest }
end
local text = redis.call('GET', KEYS[1])
return { text, redis.sha1hex(text) }
