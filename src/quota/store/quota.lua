-- Version 2. The quota of one app, shared by every sidecar that uses this Redis. One run is one decision: Redis runs nothing
-- else meanwhile. All times are microseconds of Redis's own clock, so the sidecars' clocks do not matter.
--
-- KEYS[1] is a hash. `all` and `lesser` are the moments at which each bucket would be full again (GCRA's theoretical arrival
-- time). Of calls that move no money: `until` is the end of a pause after QFPay's 429, `began` its beginning, `strikes` how
-- many there were in a row. The same of payments: `money_until`, `money_began`, `money_strikes`. Payments go one by one
-- since `cautious`, the last of them at `ahead`; until `calm` a 429 to what moves no money does not bring that back.
-- ARGV[1] is the question, ARGV[2] after how many milliseconds the hash may be forgotten.

local key, question, forget = KEYS[1], ARGV[1], ARGV[2]
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local names = {'all', 'lesser', 'until', 'began', 'strikes', 'money_until', 'money_began', 'money_strikes', 'cautious', 'ahead', 'calm'}
local found = redis.call('HMGET', key, unpack(names))
local is = {}
for i, name in ipairs(names) do
  is[name] = tonumber(found[i]) or 0
end
-- Moments of the past that lie ahead are the work of a clock that was set back.
for _, name in ipairs({'began', 'money_began', 'cautious', 'ahead'}) do
  if is[name] > now then
    is[name] = 0
  end
end

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

-- How much is left of a pause, which is stored anew when it is bounded: else the bound would move on with the clock.
local function left(name, longest)
  if is[name] > now + longest then
    is[name] = now + longest
    save(name, is[name])
  end
  return is[name] - now
end

-- May one call go? {0} yes, {1, wait} not yet, {2, wait} its kind pauses, {3, wait} another payment has gone ahead; then
-- whether there is a 429 that an answer would end.
if question == 'take' then
  local period, tolerance = tonumber(ARGV[3]), tonumber(ARGV[4])
  local money, lesser_period, lesser_tolerance = ARGV[5] == '1', tonumber(ARGV[6]), tonumber(ARGV[7])
  local step, longest, longest_of_payments = tonumber(ARGV[8]), tonumber(ARGV[9]), tonumber(ARGV[10])
  local pause = money and left('money_until', longest_of_payments) or left('until', longest)
  if pause > 0 then
    return {2, pause, 1}
  end
  local cautious = money and is.cautious > 0 and now < is.cautious + longest
  if cautious and now < is.ahead + step then
    return {3, is.ahead + step - now, 1}
  end
  local all, lesser = bounded(is.all, period, tolerance), is.lesser
  local wait = all - tolerance - now
  if not money then
    lesser = bounded(lesser, lesser_period, lesser_tolerance)
    wait = math.max(wait, lesser - lesser_tolerance - now)
  end
  if wait > 0 then
    if all < is.all or lesser < is.lesser then
      save('all', all, 'lesser', lesser) -- as in left()
    end
    return {1, wait, 0}
  end
  if not money then
    lesser = lesser + lesser_period
  end
  save('all', all + period, 'lesser', lesser)
  if cautious then
    save('ahead', now)
  end
  local remembered = money and math.max(is.cautious, is.money_strikes) or is.strikes
  return {0, 0, remembered > 0 and 1 or 0}
end

-- What a sidecar has let go lately is taken out of the bucket. Writes in any case, so that a replica shows itself.
if question == 'charge' then
  local period, tolerance, owed = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
  save('all', bounded(bounded(is.all, period, tolerance) + owed, period, tolerance))
  return {0, 0, 0}
end

-- QFPay answered 429 to a call that went `age` ago, and wants `wanted` (0: it does not say) to pass.
if question == 'refused' then
  local money, age, wanted = ARGV[3] == '1', tonumber(ARGV[4]), tonumber(ARGV[5])
  local first, longest, longest_of_payments = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
  local began, strikes = is.began, is.strikes
  if strikes == 0 or now - age >= began then
    began = now
    if wanted == 0 then
      wanted = first * 2 ^ math.min(strikes, 20)
    end
    strikes = strikes + 1
  end
  local paused = math.max(math.min(is['until'], now + longest), now + math.min(wanted, longest))
  save('until', paused, 'began', began, 'strikes', strikes)
  if money then
    if is.money_strikes == 0 or now - age >= is.money_began then
      local length = math.min(first * 2 ^ math.min(is.money_strikes, 20), longest_of_payments)
      save('money_until', now + length, 'money_began', now, 'money_strikes', is.money_strikes + 1)
      save('cautious', now, 'ahead', 0, 'calm', 0)
    end
  else
    local cautious = is.cautious > 0 and now < is.cautious + longest
    local calm = is.calm > now and is.calm <= now + longest
    if not cautious and not calm then
      save('cautious', now, 'ahead', 0)
    end
  end
  return {2, 0, 1}
end

-- QFPay answered something else to a call that went `age` ago: if that was after the 429, it is over.
if question == 'answered' then
  local money, went, longest = ARGV[3] == '1', now - tonumber(ARGV[4]), tonumber(ARGV[5])
  if money and is.cautious > 0 and went >= is.cautious then
    save('money_until', 0, 'money_began', 0, 'money_strikes', 0, 'cautious', 0, 'ahead', 0, 'calm', now + longest)
  elseif not money and went >= is.began then
    save('until', 0, 'began', 0, 'strikes', 0)
  end
  return {0, 0, 0}
end

return redis.error_reply('QUOTA unknown question')
