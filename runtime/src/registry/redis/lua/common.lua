-- In front of every script. All times are this server's, in milliseconds since 1970.

-- A list that says more than this ahead is not believed: no instance is listed for longer.
local FAR = 60 * 1000
-- What operators say, and what stands for nobody any more, ends a day after the last server has confirmed it.
local DAY = 24 * 60 * 60 * 1000

local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)

-- Numbers as Redis reads them: no exponent.
local function number(value)
  return string.format('%.0f', value)
end

-- Makes room for a value of this type: whatever else stands there is not ours.
local function claim(key, kind)
  local found = redis.call('TYPE', key).ok
  if found ~= kind and found ~= 'none' then
    redis.call('DEL', key)
  end
end

-- Counts a change and tells who listens. A count begins under a new epoch, so that no version ever comes twice.
local function tell(version, channel, member)
  local seen = redis.pcall('GETRANGE', version, 0, 40)
  local epoch, count
  if type(seen) == 'string' then
    epoch, count = string.match(seen, '^(%d+)-(%d+)$')
  end
  if not epoch or #epoch > 20 or #count > 15 then
    epoch, count = clock[1] .. string.format('%06d', clock[2]), '0'
  end
  local next = epoch .. '-' .. number(count + 1)
  redis.call('SET', version, next, 'PX', number(DAY))
  redis.call('PUBLISH', channel, next .. ' ' .. member)
end

-- Takes off a list what has run out, and what cannot be ours.
local function prune(list, furthest)
  redis.call('ZREMRANGEBYSCORE', list, '-inf', number(now))
  redis.call('ZREMRANGEBYSCORE', list, '(' .. number(now + furthest), '+inf')
  redis.call('PEXPIRE', list, number(furthest))
end
