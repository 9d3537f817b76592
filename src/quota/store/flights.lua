-- Version 1. A number that is on its way to QFPay, or in doubt, told to every sidecar that uses this Redis.
--
-- KEYS[1] is a text: `air:` or `doubt:` and the mark of the call, and Redis forgets it after a while. ARGV[1] is the question,
-- ARGV[2] the mark, ARGV[3] how many milliseconds it is kept, ARGV[4] how many at most.
-- Whatever else stands there was not written here: it holds nothing, and is written over.

local key, question, mark, kept, longest = KEYS[1], ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local found = redis.pcall('GET', key)
local kind, owner = nil, nil
if type(found) == 'string' then
  kind, owner = string.match(found, '^(%a+):(%x+)$')
end
local left = redis.call('PTTL', key)
local is_own_writing = (kind == 'air' or kind == 'doubt') and #owner == 32 and left > 0 and left <= longest
if not is_own_writing then
  kind, owner = nil, nil
end

if question == 'take' then
  if kind then
    return {kind == 'air' and 1 or 2, left}
  end
  redis.call('SET', key, 'air:' .. mark, 'PX', kept)
  return {0, 0}
end
if question == 'free' then
  if owner == mark then
    redis.call('DEL', key)
  end
  return {0, 0}
end
if question == 'doubt' then
  if not kind or owner == mark then
    redis.call('SET', key, 'doubt:' .. mark, 'PX', kept)
  end
  return {0, 0}
end
if question == 'named' then
  if kind == 'doubt' then
    redis.call('DEL', key)
  end
  return {0, 0}
end
return redis.error_reply('FLIGHT unknown question')
