-- Puts an operator's override beside an instance; an empty one takes away what was there.
-- KEYS: override, marks, version. ARGV: JSON or nothing, the override's name, channel.
local override, marks, version = unpack(KEYS)
local json, name, channel = unpack(ARGV)

claim(marks, 'zset')
if json == '' then
  redis.call('DEL', override)
  redis.call('ZREM', marks, name)
else
  redis.call('SET', override, json, 'PX', number(DAY))
  redis.call('ZADD', marks, number(now + DAY), name)
end
prune(marks, DAY)
tell(version, channel, name)
return redis.status_reply('OK')
