-- The quota of one app, shared by every sidecar that uses this Redis. One run is one decision: Redis runs nothing else
-- meanwhile. All times are microseconds of Redis's own clock, so the sidecars' clocks do not matter.
--
-- KEYS[1] is a hash: `all` and `reads` are the moments at which each bucket would be full again (GCRA's theoretical arrival
-- time); `until` is the end of a pause after QFPay's 429, `began` its beginning, `strikes` how many there were in a row.
-- ARGV[1] is the question, ARGV[2] after how many milliseconds the hash may be forgotten.

local key, question, forget = KEYS[1], ARGV[1], ARGV[2]
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local found = redis.call('HMGET', key, 'all', 'reads', 'until', 'began', 'strikes')
local all, reads = tonumber(found[1]) or 0, tonumber(found[2]) or 0
local paused, began, strikes = tonumber(found[3]) or 0, tonumber(found[4]) or 0, tonumber(found[5]) or 0

local function save(...)
  local pairs = {...}
  for i = 2, #pairs, 2 do
    pairs[i] = string.format('%.0f', pairs[i]) -- Lua itself would print 1.7e+15
  end
  redis.call('HSET', key, unpack(pairs))
  redis.call('PEXPIRE', key, forget)
end

-- Between now and a whole burst ahead: anything else is the work of a clock that was set back, or of other settings.
local function bounded(full, period, tolerance)
  return math.min(math.max(full, now), now + period + tolerance)
end

-- May one call go? {0} yes, {1, wait} not yet, {2, wait} the app pauses; then the strikes.
if question == 'take' then
  local period, tolerance = tonumber(ARGV[3]), tonumber(ARGV[4])
  local only_reads, read_period, read_tolerance = ARGV[5] == '1', tonumber(ARGV[6]), tonumber(ARGV[7])
  local longest_pause = tonumber(ARGV[8])
  if paused > now then
    if paused > now + longest_pause then
      paused = now + longest_pause
      save('until', paused)
    end
    return {2, paused - now, strikes}
  end
  local stored_all, stored_reads = all, reads
  all = bounded(all, period, tolerance)
  local wait = all - tolerance - now
  if only_reads then
    reads = bounded(reads, read_period, read_tolerance)
    wait = math.max(wait, reads - read_tolerance - now)
  end
  if wait > 0 then
    if all < stored_all or reads < stored_reads then
      save('all', all, 'reads', reads) -- else the bound would move on with the clock
    end
    return {1, wait, strikes}
  end
  if only_reads then
    reads = reads + read_period
  end
  save('all', all + period, 'reads', reads)
  return {0, 0, strikes}
end

-- What a sidecar has let go lately is taken out of the bucket. Writes in any case, so that a replica shows itself.
if question == 'charge' then
  local period, tolerance, owed = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
  save('all', bounded(bounded(all, period, tolerance) + owed, period, tolerance))
  return {0, 0, strikes}
end

-- QFPay answered 429 to a call that went `age` ago, and wants `wanted` (0: it does not say) to pass.
if question == 'refused' then
  local age, wanted, first, longest = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
  if strikes == 0 or now - age >= began then
    began = now
    if wanted == 0 then
      wanted = first * 2 ^ math.min(strikes, 20)
    end
    strikes = strikes + 1
  end
  paused = math.max(math.min(paused, now + longest), now + math.min(wanted, longest))
  save('until', paused, 'began', began, 'strikes', strikes)
  return {2, paused - now, strikes}
end

-- QFPay answered something else to a call that went `age` ago: if that was after the pause, the next is a first one.
if question == 'answered' then
  if now - tonumber(ARGV[3]) >= began then
    save('until', 0, 'began', 0, 'strikes', 0)
  end
  return {0, 0, 0}
end

return redis.error_reply('QUOTA unknown question')
