-- The names of documents, of which some may be gone. Changes nothing. KEYS: names. ARGV: the most names, the longest name.
local most, longest = tonumber(ARGV[1]), tonumber(ARGV[2])

if redis.call('SCARD', KEYS[1]) > most then
  return redis.error_reply('LIMIT more than ' .. most .. ' names of documents')
end
local kept = {}
for _, name in ipairs(redis.call('SMEMBERS', KEYS[1])) do
  if #name <= longest then
    kept[#kept + 1] = name
  end
end
return kept
