-- For wrk: the notices of a customer at random, asked with a network's token; what came of it as one line of JSON.

local customers = tonumber(os.getenv("CUSTOMERS"))
local pause = tonumber(os.getenv("PAUSE"))
wrk.headers["Authorization"] = "Bearer " .. os.getenv("TOKEN")

function init(arguments)
  math.randomseed(7)
end

function request()
  return wrk.format("GET", "/v1/notices?customer=" .. math.random(customers))
end

if pause > 0 then
  function delay()
    return pause
  end
end

function done(summary, latency, requests)
  local errors = summary.errors
  local wrong = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  print(string.format(
    '{"requests": %d, "seconds": %.3f, "p50": %.3f, "p99": %.3f, "errors": %d}',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1000, latency:percentile(99) / 1000, wrong
  ))
end
