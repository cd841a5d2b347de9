-- Writes a document, or removes it, if what stands there is as expected: anything, nothing (''), or a text by its SHA-1.
-- KEYS: document, names, version. ARGV: `put` or `remove`, text, `any` or `only`, expected, name, channel.
local document, names, version = unpack(KEYS)
local act, text, how, expected, name, channel = unpack(ARGV)

local found = redis.pcall('GET', document)
local stands = ''
if type(found) == 'string' then
  stands = redis.sha1hex(found)
elseif found then
  stands = 'no text'
end
if how == 'only' and stands ~= expected then
  return false
end
claim(names, 'set')
if act == 'put' then
  redis.call('SET', document, text)
  redis.call('SADD', names, name)
else
  redis.call('DEL', document)
  redis.call('SREM', names, name)
end
tell(version, channel, name)
return redis.sha1hex(text)
