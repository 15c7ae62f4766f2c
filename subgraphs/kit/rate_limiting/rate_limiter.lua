-- The rules of subgraphs/kit/rate_limiting, run by Redis as one step. In memory.py they stand in Python; a test
-- holds both to the same answers. A bucket is a hash: n the count and at the time it was true, until the end of
-- the wait, p attempts under way and held until when those are believed. All times are milliseconds.
--
-- KEYS: the buckets. ARGV: 'admit' or 'settle', now (or '' for this server's clock), first wait, longest wait,
-- hold, and then for each bucket: burst, window, and the outcome of the attempt on 'settle': failed, succeeded, void.
local command, first, longest, hold = ARGV[1], tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local now = tonumber(ARGV[2])
if not now then
  local clock = redis.call('TIME')
  now = clock[1] * 1000 + math.floor(clock[2] / 1000)
end

local buckets = {}
for i, key in ipairs(KEYS) do
  local burst, window = tonumber(ARGV[3 + i * 3]), tonumber(ARGV[4 + i * 3])
  local stored = redis.call('HMGET', key, 'n', 'at', 'until', 'p', 'held')
  local n, at = tonumber(stored[1]) or 0, tonumber(stored[2]) or now
  local held = tonumber(stored[5]) or 0
  buckets[i] = {
    key = key, burst = burst, window = window, outcome = ARGV[5 + i * 3],
    n = math.max(0, n - math.max(0, now - at) * burst / window),
    wait_until = tonumber(stored[3]) or 0,
    p = held > now and tonumber(stored[4]) or 0,
    held = held,
  }
end

local function save(b)
  if b.n <= 0 and b.p <= 0 and b.wait_until <= now then
    redis.call('DEL', b.key)
    return
  end
  redis.call('HSET', b.key, 'n', string.format('%.6f', b.n), 'at', now, 'until', b.wait_until, 'p', b.p, 'held', b.held)
  local life = math.max(b.n * b.window / b.burst, b.wait_until - now, b.p > 0 and b.held - now or 0)
  redis.call('PEXPIRE', b.key, math.ceil(life) + 1)
end

if command == 'admit' then
  local wait, busy = 0, false
  for _, b in ipairs(buckets) do
    wait = math.max(wait, b.wait_until - now)
    -- Attempts under way may all fail: more of them than the burst has room for must wait and see.
    busy = busy or (b.p > 0 and math.floor(b.n + 0.5) + b.p >= b.burst)
  end
  if wait > 0 then return wait end
  if busy then return -1 end
  for _, b in ipairs(buckets) do
    b.p, b.held = b.p + 1, now + hold
    save(b)
  end
  return 0
end

for _, b in ipairs(buckets) do
  b.p = math.max(0, b.p - 1)
  if b.outcome == 'failed' then
    b.n = b.n + 1
    local over = math.floor(b.n + 0.5) - b.burst
    -- 2^30 of any unit is past every longest wait, and a larger power would not be a number for long.
    if over >= 0 then b.wait_until = now + math.min(longest, first * 2 ^ math.min(over, 30)) end
  elseif b.outcome == 'succeeded' then
    b.n, b.wait_until = 0, 0
  end
  save(b)
end
return 0
