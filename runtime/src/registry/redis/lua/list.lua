-- Lists an instance for a while, or longer; puts right whatever is not as it should be.
-- KEYS: record, override, index, marks, version, services. ARGV: JSON, id, service, milliseconds, channel.
local record, override, index, marks, version, services = unpack(KEYS)
local json, id, service, ttl, channel = unpack(ARGV)

local same = redis.pcall('GET', record) == json
if same then
  redis.call('PEXPIRE', record, ttl)
else
  redis.call('SET', record, json, 'PX', ttl)
end

claim(index, 'zset')
claim(marks, 'zset')
claim(services, 'zset')
local score = tonumber(redis.call('ZSCORE', index, id) or 0)
local listed = score > now and score <= now + FAR
redis.call('ZADD', index, number(now + ttl), id)
prune(index, FAR)
redis.call('ZADD', services, number(now + ttl), service)
prune(services, FAR)

-- What an operator says lasts as long as its instance.
if redis.call('PEXPIRE', override, number(DAY)) == 1 then
  redis.call('ZADD', marks, number(now + DAY), id .. '~')
end
local left = redis.call('ZREM', marks, id) == 1
prune(marks, DAY)

if not same or not listed or left then
  tell(version, channel, id)
else
  redis.call('PEXPIRE', version, number(DAY))
end
return redis.status_reply('OK')
