-- Takes an instance off the list and leaves a tombstone in the place of its record.
-- KEYS: record, override, index, marks, version, services. ARGV: JSON, id, service, milliseconds, channel.
local record, override, index, marks, version, services = unpack(KEYS)
local json, id, service, ttl, channel = unpack(ARGV)

redis.call('SET', record, json, 'PX', ttl)
redis.call('DEL', override)

claim(index, 'zset')
claim(marks, 'zset')
claim(services, 'zset')
redis.call('ZREM', index, id)
prune(index, FAR)
redis.call('ZREM', marks, id .. '~')
redis.call('ZADD', marks, number(now + ttl), id)
prune(marks, DAY)

local last = redis.call('ZREVRANGE', index, 0, 0, 'WITHSCORES')
if last[2] then
  redis.call('ZADD', services, last[2], service)
else
  redis.call('ZREM', services, service)
end
tell(version, channel, id)
return redis.status_reply('OK')
